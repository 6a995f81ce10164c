namespace Byre.Qcow2.Layout;

/// <summary>
/// An entry of a bitmap's table: where a cluster of bits lies, or that they are all zero or all one. Source:
/// specification, "Bitmap table": bits 9-55 offset; bit 0 with offset 0: all ones.
/// </summary>
public readonly record struct BitmapTableEntry(ulong Raw)
{
    public const ulong OffsetMask = 0x00ff_ffff_ffff_fe00;
    public const ulong AllOnesFlag = 1;
    public const ulong ReservedMask = 0xff00_0000_0000_01fe;

    public static BitmapTableEntry AllZeroes => default;

    public static BitmapTableEntry AllOnes => new(AllOnesFlag);

    /// <summary>The cluster of bits; 0 for none.</summary>
    public HostOffset Offset => new((long)(Raw & OffsetMask));

    public bool HasCluster => (Raw & OffsetMask) != 0;

    public bool IsAllOnes => !HasCluster && (Raw & AllOnesFlag) != 0;

    public static BitmapTableEntry ForCluster(HostOffset cluster) => new((ulong)cluster.Value);

    /// <summary>False where reserved bits are set or the offset is not on a cluster.</summary>
    public bool IsValid(int clusterBits) =>
        (Raw & ReservedMask) == 0 &&
        (!HasCluster || ((Raw & AllOnesFlag) == 0 && (Raw & OffsetMask & ((1UL << clusterBits) - 1)) == 0));
}
