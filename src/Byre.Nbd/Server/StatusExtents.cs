using System.Buffers.Binary;

namespace Byre.Nbd.Server;

/// <summary>Extents of one context on their way into an answer: neighbours alike are one. Not thread-safe.</summary>
/// <param name="maxCount">How many fit.</param>
/// <param name="isExtended">Lengths and flags have 64 bits.</param>
internal sealed class StatusExtents(int maxCount, bool isExtended)
{
    private readonly List<(long LengthBytes, uint Flags)> _extents = [];

    public int Count => _extents.Count;

    /// <summary>Bytes that <see cref="Write"/> writes.</summary>
    public int PayloadBytes => _extents.Count * ExtentBytes;

    private int ExtentBytes => isExtended ? 2 * sizeof(ulong) : 2 * sizeof(uint);

    /// <summary>Adds an extent; false where none fits any more.</summary>
    public bool TryAdd(long lengthBytes, uint flags)
    {
        if (_extents.Count > 0 && _extents[^1].Flags == flags)
        {
            long sum = _extents[^1].LengthBytes + lengthBytes;
            if (isExtended || sum <= uint.MaxValue)
            {
                _extents[^1] = (sum, flags);
                return true;
            }
        }

        if (_extents.Count == maxCount)
            return false;
        _extents.Add((lengthBytes, flags));
        return true;
    }

    public void Write(Span<byte> target)
    {
        foreach ((long length, uint flags) in _extents)
        {
            if (isExtended)
            {
                BinaryPrimitives.WriteUInt64BigEndian(target, (ulong)length);
                BinaryPrimitives.WriteUInt64BigEndian(target[sizeof(ulong)..], flags);
            }
            else
            {
                BinaryPrimitives.WriteUInt32BigEndian(target, (uint)length);
                BinaryPrimitives.WriteUInt32BigEndian(target[sizeof(uint)..], flags);
            }

            target = target[ExtentBytes..];
        }
    }
}
