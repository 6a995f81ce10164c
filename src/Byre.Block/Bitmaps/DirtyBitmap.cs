using Byre.Block.Errors;
using Byre.Block.Requests;

namespace Byre.Block.Bitmaps;

/// <summary>
/// Which parts of a disk were written since some moment: a bit for each <see cref="GranularityBytes"/>, in pieces of
/// equal size of which those that are all alike take no memory. Immutable; thread-safe.
/// </summary>
public sealed class DirtyBitmap
{
    private readonly ReadOnlyMemory<byte>[] _pieces;
    private readonly int _pieceBytes;

    /// <param name="name">The bitmap's name.</param>
    /// <param name="granularityBytes">Bytes of the disk that one bit stands for; a power of two.</param>
    /// <param name="pieceBytes">Bytes of one piece.</param>
    /// <param name="pieces">Bits, the lowest first; <see cref="Clean"/> and <see cref="Dirty"/> stand for pieces of one
    /// kind.</param>
    public DirtyBitmap(string name, long granularityBytes, int pieceBytes, ReadOnlyMemory<byte>[] pieces)
    {
        Name = name;
        GranularityBytes = granularityBytes;
        _pieceBytes = pieceBytes;
        _pieces = pieces;
    }

    /// <summary>A piece without a bit set.</summary>
    public static ReadOnlyMemory<byte> Clean { get; } = new byte[] { 0 };

    /// <summary>A piece with every bit set.</summary>
    public static ReadOnlyMemory<byte> Dirty { get; } = new byte[] { 0xff };

    public string Name { get; }

    public long GranularityBytes { get; }

    /// <summary>The bitmap follows writes; else it is frozen.</summary>
    public bool IsEnabled { get; init; }

    /// <summary>It was not saved after the image was written to: its content means nothing.</summary>
    public bool IsInconsistent { get; init; }

    /// <summary>
    /// The first run of dirty bytes in <paramref name="range"/>, cut to it; false where all is clean.
    /// </summary>
    public bool TryFindDirty(ByteRange range, out ByteRange dirty)
    {
        dirty = default;
        if (range.IsEmpty)
            return false;
        long endBit = ((range.End - 1) / GranularityBytes) + 1;
        long first = Find(range.Offset / GranularityBytes, endBit, wanted: true);
        if (first == endBit)
            return false;
        long after = Find(first, endBit, wanted: false);
        dirty = ByteRange.FromEnd(
            Math.Max(range.Offset, first * GranularityBytes), Math.Min(range.End, after * GranularityBytes));
        return true;
    }

    /// <summary>The first bit of this kind; <paramref name="end"/> where there is none before.</summary>
    private long Find(long bit, long end, bool wanted)
    {
        long pieceBits = _pieceBytes * 8L;
        byte unwanted = wanted ? (byte)0 : (byte)0xff;
        while (bit < end)
        {
            long index = bit / pieceBits;
            Invariant.That(index < _pieces.Length);
            long pieceEnd = Math.Min(end, (index + 1) * pieceBits);
            ReadOnlySpan<byte> piece = _pieces[index].Span;
            if (piece.Length == 1 && _pieceBytes > 1)
            {
                if (piece[0] != unwanted)
                    return bit;
                bit = pieceEnd;
                continue;
            }

            int at = (int)(bit % pieceBits / 8);
            if (piece[at] == unwanted)
            {
                int step = piece[at..].IndexOfAnyExcept(unwanted);
                bit = step < 0 ? pieceEnd : (index * pieceBits) + ((at + step) * 8L);
                continue;
            }

            for (long byteEnd = Math.Min(pieceEnd, (bit / 8 * 8) + 8); bit < byteEnd; bit++)
            {
                if (((piece[at] >> (int)(bit % 8)) & 1) != 0 == wanted)
                    return bit;
            }
        }

        return end;
    }
}
