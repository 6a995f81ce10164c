using System.Net.Sockets;
using Byre.Block.Errors;
using Byre.Nbd.Tls.Interop;

namespace Byre.Nbd.Tls;

/// <summary>
/// A connection encrypted with a pre-shared key. One thread may read while another one writes. Synchronous only; ends
/// of the connection and its errors are <see cref="IOException"/>s, or a read of 0 bytes. Leaves the socket open.
/// </summary>
internal sealed class PskStream : Stream
{
    private const string Unfinished = "The TLS connection was non-properly terminated.";

    /// <summary>What is encrypted in one go: bounds what the library keeps.</summary>
    private const int PartBytes = 64 << 10;

    private readonly NetworkStream _stream;
    private readonly PskSession _session;

    /// <summary>The session's lock; never held while the network is waited for.</summary>
    private readonly Lock _gate = new();

    /// <summary>Keeps encrypted bytes in order on their way to the socket; taken before <see cref="_gate"/>.</summary>
    private readonly Lock _sending = new();

    private readonly byte[] _arrived = new byte[PartBytes];
    private readonly byte[] _leaving = new byte[PartBytes];
    private bool _isDisposed;

    /// <summary>The session belongs to the stream.</summary>
    public PskStream(Socket socket, PskSession session)
    {
        _stream = new NetworkStream(socket, ownsSocket: false);
        _session = session;
    }

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => true;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    /// <summary>Waits for the other side as long as it takes.</summary>
    /// <exception cref="BlockException">It does not have the key, or went away.</exception>
    public void Authenticate()
    {
        while (true)
        {
            bool isDone = _session.Handshake();
            SendPending();
            if (isDone)
                return;
            if (!TryReceive())
                throw BlockException.Invalid(Unfinished);
        }
    }

    public override int Read(Span<byte> buffer)
    {
        while (true)
        {
            int? count = Decrypt(buffer);
            if (count is { } known)
                return known;
            // An answer to a change of keys, perhaps.
            lock (_sending)
                SendPending();
            if (!TryReceive())
                return 0;
        }
    }

    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    public override void Write(ReadOnlySpan<byte> buffer)
    {
        lock (_sending)
        {
            while (!buffer.IsEmpty)
            {
                int part = Math.Min(buffer.Length, PartBytes);
                Encrypt(buffer[..part]);
                SendPending();
                buffer = buffer[part..];
            }
        }
    }

    public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

    public override void Flush()
    {
        // Nothing is kept back.
    }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _stream.Dispose();
            lock (_gate)
            {
                _isDisposed = true;
                _session.Dispose();
            }
        }

        base.Dispose(disposing);
    }

    private int? Decrypt(Span<byte> buffer)
    {
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_isDisposed, this);
            try
            {
                return _session.Read(buffer);
            }
            catch (BlockException failure)
            {
                throw new IOException(failure.Message, failure);
            }
        }
    }

    private void Encrypt(ReadOnlySpan<byte> buffer)
    {
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_isDisposed, this);
            try
            {
                _session.Write(buffer);
            }
            catch (BlockException failure)
            {
                throw new IOException(failure.Message, failure);
            }
        }
    }

    private void SendPending()
    {
        while (true)
        {
            int count;
            lock (_gate)
            {
                ObjectDisposedException.ThrowIf(_isDisposed, this);
                count = _session.Drain(_leaving);
            }

            if (count == 0)
                return;
            _stream.Write(_leaving.AsSpan(0, count));
        }
    }

    private bool TryReceive()
    {
        int count = _stream.Read(_arrived);
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_isDisposed, this);
            if (count > 0)
                _session.Feed(_arrived.AsSpan(0, count));
        }

        return count > 0;
    }
}
