using Byre.Block.Buffers;
using Byre.Block.Requests;

namespace Byre.Qcow2.Tests.Faults;

/// <summary>The bytes of a file, which grow as they are written. For one thread.</summary>
internal sealed class FileBytes(byte[] content)
{
    private byte[] _bytes = [.. content];

    public long Length { get; private set; } = content.Length;

    public byte[] ToArray() => _bytes[..(int)Length];

    public void Read(long offset, IoVector destination)
    {
        destination.Clear();
        if (offset >= Length)
            return;
        int count = (int)Math.Min(destination.Length, Length - offset);
        destination.Slice(new ByteRange(0, count)).CopyFrom(_bytes.AsSpan((int)offset, count));
    }

    public void Write(long offset, ReadOnlySpan<byte> bytes)
    {
        if (offset + bytes.Length > Length)
            Resize(offset + bytes.Length);
        bytes.CopyTo(_bytes.AsSpan((int)offset));
    }

    public void Resize(long lengthBytes)
    {
        if (lengthBytes > _bytes.Length)
            Array.Resize(ref _bytes, (int)Math.Max(lengthBytes, _bytes.Length + (_bytes.Length / 4)));
        if (lengthBytes < Length)
            _bytes.AsSpan((int)lengthBytes, (int)(Length - lengthBytes)).Clear();
        Length = lengthBytes;
    }
}
