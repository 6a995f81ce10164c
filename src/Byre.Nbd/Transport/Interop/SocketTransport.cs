using System.Buffers;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Byre.Block.Errors;

namespace Byre.Nbd.Transport.Interop;

/// <summary>
/// A connected socket, by direct system calls: scattered memory is sent as it lies, and nothing is allocated. Linux
/// only. The socket belongs to the transport.
/// </summary>
internal sealed unsafe class SocketTransport : INbdTransport
{
    /// <summary>Segments that one call sends at most.</summary>
    private const int MaxSegments = 64;

    private readonly Socket _socket;
    private readonly int _descriptor;

    public SocketTransport(Socket socket)
    {
        socket.Blocking = true;
        if (socket.ProtocolType == ProtocolType.Tcp)
            socket.NoDelay = true;
        _socket = socket;
        _descriptor = (int)socket.SafeHandle.DangerousGetHandle();
    }

    /// <inheritdoc/>
    public bool CanTrySend => true;

    /// <inheritdoc/>
    public int? Descriptor => _descriptor;

    /// <inheritdoc/>
    public int Receive(Span<byte> destination)
    {
        fixed (byte* start = destination)
        {
            while (true)
            {
                nint count = LibC.Receive(_descriptor, start, (nuint)destination.Length, 0);
                if (count >= 0)
                    return (int)count;
                int errno = Marshal.GetLastPInvokeError();
                if (errno == Errno.TryAgain)
                    Wait(LibC.PollIn);
                else if (errno != Errno.Interrupted)
                    throw BlockException.FromErrno("Unable to read from socket", errno);
            }
        }
    }

    /// <inheritdoc/>
    public void Send(ReadOnlySpan<Memory<byte>> segments)
    {
        Memory<byte>[] rest = ArrayPool<Memory<byte>>.Shared.Rent(segments.Length);
        try
        {
            segments.CopyTo(rest);
            Span<Memory<byte>> left = rest.AsSpan(0, segments.Length);
            while (!left.IsEmpty)
            {
                long count = SendOnce(left, LibC.MessageNoSignal);
                if (count == 0)
                    Wait(LibC.PollOut);
                left = SegmentRun.Skip(left, count);
            }
        }
        finally
        {
            ArrayPool<Memory<byte>>.Shared.Return(rest, clearArray: true);
        }
    }

    /// <inheritdoc/>
    public long TrySend(ReadOnlySpan<Memory<byte>> segments) =>
        SendOnce(segments, LibC.MessageNoSignal | LibC.MessageDoNotWait);

    /// <inheritdoc/>
    public bool WaitToSend() => (Wait(LibC.PollIn | LibC.PollOut) & LibC.PollIn) == 0;

    /// <inheritdoc/>
    public void Shutdown()
    {
        try
        {
            _socket.Shutdown(SocketShutdown.Both);
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // The other side was faster: the stream has ended, which is all that is wanted.
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _socket.Dispose();

    /// <summary>0 where nothing could be sent without waiting.</summary>
    private long SendOnce(ReadOnlySpan<Memory<byte>> segments, int flags)
    {
        int count = Math.Min(segments.Length, MaxSegments);
        MemorySegment* list = stackalloc MemorySegment[MaxSegments];
        // Pinning native memory and pinned arrays is free; the handles of anything else must outlive the call.
        PinnedList pins = default;
        try
        {
            int used = 0;
            for (int i = 0; i < count; i++)
            {
                if (segments[i].IsEmpty)
                    continue;
                MemoryHandle handle = segments[i].Pin();
                pins[used] = handle;
                list[used++] = new MemorySegment
                {
                    Start = (byte*)handle.Pointer,
                    LengthBytes = (nuint)segments[i].Length,
                };
            }

            return SendMessage(list, used, flags);
        }
        finally
        {
            for (int i = 0; i < count; i++)
                pins[i].Dispose();
        }
    }

    private long SendMessage(MemorySegment* list, int count, int flags)
    {
        var message = new MessageHeader { Segments = list, SegmentCount = (nuint)count };
        while (true)
        {
            nint sent = LibC.SendMessage(_descriptor, &message, flags);
            if (sent >= 0)
                return sent;
            int errno = Marshal.GetLastPInvokeError();
            if (errno == Errno.TryAgain)
                return 0;
            if (errno != Errno.Interrupted)
                throw BlockException.FromErrno("Unable to write to socket", errno);
        }
    }

    private short Wait(int events)
    {
        var entry = new PollEntry { Descriptor = _descriptor, Events = (short)events };
        while (LibC.Poll(&entry, 1, -1) < 0)
        {
            int errno = Marshal.GetLastPInvokeError();
            if (errno != Errno.Interrupted)
                throw BlockException.FromErrno(errno);
        }

        return entry.Returned;
    }

    [System.Runtime.CompilerServices.InlineArray(MaxSegments)]
    private struct PinnedList
    {
        private MemoryHandle _first;
    }
}
