using Byre.Block.Errors;

namespace Byre.Block.Requests;

/// <summary>
/// A run of bytes of a node: where it starts and how long it is, both in bytes and never negative. Half-open:
/// <see cref="End"/> is the first byte after it.
/// </summary>
public readonly record struct ByteRange
{
    public ByteRange(long offset, long length)
    {
        Invariant.That(offset >= 0 && length >= 0 && offset <= long.MaxValue - length);
        Offset = offset;
        Length = length;
    }

    /// <summary>First byte.</summary>
    public long Offset { get; }

    /// <summary>Number of bytes.</summary>
    public long Length { get; }

    /// <summary>First byte after the range.</summary>
    public long End => Offset + Length;

    public bool IsEmpty => Length == 0;

    /// <summary>The range from <paramref name="offset"/> up to, not including, <paramref name="end"/>.</summary>
    public static ByteRange FromEnd(long offset, long end) => new(offset, end - offset);

    /// <summary>
    /// The smallest range with both ends on multiples of <paramref name="alignment"/> (a power of two) that covers
    /// this one.
    /// </summary>
    public ByteRange AlignOutward(long alignment) =>
        FromEnd(Offset & -alignment, (End + alignment - 1) & -alignment);

    /// <summary>The largest aligned range inside this one; empty where there is none.</summary>
    public ByteRange AlignInward(long alignment)
    {
        long start = (Offset + alignment - 1) & -alignment;
        return FromEnd(start, Math.Max(start, End & -alignment));
    }

    public bool IsAligned(long alignment) => ((Offset | Length) & (alignment - 1)) == 0;

    public bool Overlaps(ByteRange other) => Offset < other.End && other.Offset < End;

    public bool Contains(ByteRange other) => Offset <= other.Offset && other.End <= End;

    /// <summary>
    /// The part of this range that lies in <paramref name="other"/>; empty at this range's start or end where they
    /// are apart.
    /// </summary>
    public ByteRange Intersect(ByteRange other)
    {
        long start = Math.Clamp(other.Offset, Offset, End);
        return FromEnd(start, Math.Clamp(other.End, start, End));
    }

    public override string ToString() => $"[0x{Offset:x}, 0x{End:x})";
}
