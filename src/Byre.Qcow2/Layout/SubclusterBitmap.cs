using System.Numerics;

namespace Byre.Qcow2.Layout;

/// <summary>
/// The second word of an extended L2 entry. Source: specification, "Extended L2 Entries": bit x (0..31): subcluster x
/// is allocated; bit 32+x: it reads as zeroes. Both set for one subcluster is invalid.
/// </summary>
public readonly record struct SubclusterBitmap(ulong Raw)
{
    public const ulong AllAllocated = 0x0000_0000_ffff_ffff;
    public const ulong AllZero = 0xffff_ffff_0000_0000;

    public uint Allocated => (uint)Raw;

    public uint Zero => (uint)(Raw >> 32);

    /// <summary>True where some subcluster has both bits.</summary>
    public bool IsContradictory => (Allocated & Zero) != 0;

    public bool IsAllocated(int subcluster) => ((Allocated >> subcluster) & 1) != 0;

    public bool IsZero(int subcluster) => ((Zero >> subcluster) & 1) != 0;

    /// <summary>The allocation bits of <paramref name="count"/> subclusters from <paramref name="first"/>.</summary>
    public static ulong AllocatedMask(int first, int count) => ((1UL << count) - 1) << first;

    /// <summary>The zero bits of <paramref name="count"/> subclusters from <paramref name="first"/>.</summary>
    public static ulong ZeroMask(int first, int count) => AllocatedMask(first, count) << 32;

    /// <summary>
    /// Subclusters from <paramref name="first"/> on with the same two bits as it has, itself included.
    /// </summary>
    public int RunLength(int first)
    {
        uint allocated = IsAllocated(first) ? Allocated : ~Allocated;
        uint zero = IsZero(first) ? Zero : ~Zero;
        uint differs = ~((allocated & zero) >> first);
        return Math.Min(BitOperations.TrailingZeroCount(differs), 32 - first);
    }
}
