using Byre.Block.Buffers;
using Byre.Block.Errors;
using Byre.Nbd.Transport;

namespace Byre.Nbd.Client;

/// <summary>Receives answers piece by piece; long data goes straight to where it is wanted. One thread.</summary>
internal sealed class ReplyReader(INbdTransport transport) : IDisposable
{
    private const int BufferBytes = 64 << 10;

    private readonly IoBuffer _buffer = IoBufferPool.Shared.Rent(BufferBytes);
    private int _start;
    private int _end;

    /// <summary>The next bytes, at most 64 KiB, valid until the next call; empty at the end of the stream where
    /// <paramref name="mayEnd"/>.</summary>
    /// <exception cref="BlockException">The stream ended or failed.</exception>
    public ReadOnlySpan<byte> Take(int count, bool mayEnd = false)
    {
        while (_end - _start < count)
        {
            if (_start + count > BufferBytes || _start == _end)
                MoveToFront();
            int received = transport.Receive(_buffer.Span[_end..]);
            if (received == 0)
                return mayEnd && _start == _end ? [] : throw Ended();
            _end += received;
        }

        _start += count;
        return _buffer.Span.Slice(_start - count, count);
    }

    /// <summary>Fills <paramref name="destination"/>.</summary>
    public void Read(in IoVector destination)
    {
        foreach (Memory<byte> segment in destination)
            Read(segment.Span);
    }

    /// <summary>Reads and forgets.</summary>
    public void Skip(long count)
    {
        while (count > 0)
        {
            int part = (int)Math.Min(count, BufferBytes);
            Take(part);
            count -= part;
        }
    }

    public void Dispose() => _buffer.Return();

    private void Read(Span<byte> destination)
    {
        int kept = Math.Min(destination.Length, _end - _start);
        _buffer.Span.Slice(_start, kept).CopyTo(destination);
        _start += kept;
        destination = destination[kept..];
        while (!destination.IsEmpty)
        {
            int received = transport.Receive(destination);
            if (received == 0)
                throw Ended();
            destination = destination[received..];
        }
    }

    private void MoveToFront()
    {
        Span<byte> all = _buffer.Span;
        all[_start.._end].CopyTo(all);
        _end -= _start;
        _start = 0;
    }

    private static BlockException Ended() =>
        BlockException.FromErrno("Unexpected end-of-file before all bytes were read", Errno.InputOutput);
}
