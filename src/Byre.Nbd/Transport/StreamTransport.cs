using System.Net.Sockets;
using Byre.Block.Errors;

namespace Byre.Nbd.Transport;

/// <summary>
/// A connected stream: TLS, or a plain socket where there are no direct system calls. The stream and the socket belong
/// to the transport.
/// </summary>
internal sealed class StreamTransport(Stream stream, Socket socket) : INbdTransport
{
    private readonly bool _isEncrypted = stream is not NetworkStream;

    /// <summary>Small segments are sent together up to this many bytes: each write becomes a record.</summary>
    private const int GatherBytes = 16 << 10;

    private readonly byte[] _gathered = new byte[GatherBytes];

    /// <inheritdoc/>
    public bool CanTrySend => false;

    /// <inheritdoc/>
    public int? Descriptor => null;

    /// <inheritdoc/>
    public int Receive(Span<byte> destination)
    {
        try
        {
            int count = stream.Read(destination);
            // Whoever ends an encrypted connection without saying so may be somebody in between.
            return count > 0 || !_isEncrypted ? count : throw Unfinished(null);
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException)
        {
            throw _isEncrypted ? Unfinished(e) : Translate(e);
        }
    }

    /// <inheritdoc/>
    public void Send(ReadOnlySpan<Memory<byte>> segments)
    {
        try
        {
            int used = 0;
            foreach (Memory<byte> segment in segments)
            {
                if (used + segment.Length > GatherBytes)
                {
                    stream.Write(_gathered.AsSpan(0, used));
                    used = 0;
                }

                if (segment.Length > GatherBytes)
                {
                    stream.Write(segment.Span);
                }
                else
                {
                    segment.Span.CopyTo(_gathered.AsSpan(used));
                    used += segment.Length;
                }
            }

            if (used > 0)
                stream.Write(_gathered.AsSpan(0, used));
            stream.Flush();
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException)
        {
            throw Translate(e);
        }
    }

    /// <inheritdoc/>
    public long TrySend(ReadOnlySpan<Memory<byte>> segments) => 0;

    /// <inheritdoc/>
    public bool WaitToSend() => true;

    /// <inheritdoc/>
    public void Shutdown()
    {
        try
        {
            socket.Shutdown(SocketShutdown.Both);
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // The other side was faster: the stream has ended, which is all that is wanted.
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        stream.Dispose();
        socket.Dispose();
    }

    private static BlockException Unfinished(Exception? inner) => new(
        BlockErrorKind.InputOutput,
        Errno.InputOutput,
        "Cannot read from TLS channel: The TLS connection was non-properly terminated.",
        inner);

    private static BlockException Translate(Exception failure)
    {
        int errno = failure.InnerException is SocketException { NativeErrorCode: > 0 } socketFailure
            ? socketFailure.NativeErrorCode
            : Errno.InputOutput;
        return new BlockException(BlockErrorKind.InputOutput, errno, failure.Message, failure);
    }
}
