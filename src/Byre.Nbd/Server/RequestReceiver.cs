using System.Buffers.Binary;
using Byre.Block.Buffers;
using Byre.Nbd.Protocol;

namespace Byre.Nbd.Server;

/// <summary>
/// Cuts what arrives into requests, without doing any I/O: the connection asks where the next bytes go
/// (<see cref="Target"/>), says how many came (<see cref="Advance"/>), and takes headers and payloads out. Long
/// payloads go straight to where they are needed. One thread.
/// </summary>
internal sealed class RequestReceiver(NbdMode mode) : IDisposable
{
    private const int BufferBytes = 128 << 10;

    /// <summary>Payloads with less than this to come are taken along with whatever follows them.</summary>
    private const int DirectBytes = 32 << 10;

    private readonly IoBuffer _buffer = IoBufferPool.Shared.Rent(BufferBytes);
    private int _start;
    private int _end;
    private Memory<byte> _payload;

    /// <summary>True where a header can be taken.</summary>
    public bool HasHeader => _end - _start >= RequestHeader.SizeBytes(mode);

    /// <summary>True where bytes are left that came together with those taken last.</summary>
    public bool HasMore => _end > _start;

    /// <summary>True in the middle of a message.</summary>
    public bool IsInside => HasMore || !_payload.IsEmpty;

    /// <summary>Where the next bytes go.</summary>
    public Memory<byte> Target
    {
        get
        {
            if (_payload.Length >= DirectBytes)
                return _payload;
            if (_start == _end)
            {
                _start = _end = 0;
            }
            else if (BufferBytes - _end < DirectBytes)
            {
                Span<byte> all = _buffer.Span;
                all[_start.._end].CopyTo(all);
                _end -= _start;
                _start = 0;
            }

            return _buffer.Memory[_end..];
        }
    }

    /// <summary>The next header; null where its magic is wrong.</summary>
    public RequestHeader? TakeHeader(out uint magic)
    {
        ReadOnlySpan<byte> bytes = _buffer.Span[_start.._end];
        magic = BinaryPrimitives.ReadUInt32BigEndian(bytes);
        if (magic != RequestHeader.MagicOf(mode))
            return null;
        _start += RequestHeader.SizeBytes(mode);
        return RequestHeader.Read(bytes, mode);
    }

    /// <summary>From now on what arrives is a payload, until <paramref name="destination"/> is full.</summary>
    public void BeginPayload(Memory<byte> destination) => _payload = destination;

    /// <summary>True when the payload is complete.</summary>
    public bool TryCompletePayload()
    {
        int count = Math.Min(_payload.Length, _end - _start);
        if (count > 0)
        {
            _buffer.Span.Slice(_start, count).CopyTo(_payload.Span);
            _payload = _payload[count..];
            _start += count;
        }

        return _payload.IsEmpty;
    }

    /// <summary>So many bytes have come to <see cref="Target"/>.</summary>
    public void Advance(int count)
    {
        if (_payload.Length >= DirectBytes)
            _payload = _payload[count..];
        else
            _end += count;
    }

    public void Dispose() => _buffer.Return();
}
