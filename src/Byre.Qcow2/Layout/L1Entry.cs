namespace Byre.Qcow2.Layout;

/// <summary>
/// An entry of an L1 table. Source: specification, "L1 table entry": bits 9-55 hold the offset of the L2 table (0:
/// none), bit 63 says that the table's reference count is exactly one.
/// </summary>
public readonly record struct L1Entry(ulong Raw)
{
    public const ulong OffsetMask = 0x00ff_ffff_ffff_fe00;
    public const ulong Copied = 1UL << 63;
    public const ulong ReservedMask = 0x7f00_0000_0000_01ff;

    public HostOffset TableOffset => new((long)(Raw & OffsetMask));

    public bool IsAllocated => (Raw & OffsetMask) != 0;

    public bool IsCopied => (Raw & Copied) != 0;

    public static L1Entry ForTable(HostOffset table, bool copied) => new((ulong)table.Value | (copied ? Copied : 0));
}
