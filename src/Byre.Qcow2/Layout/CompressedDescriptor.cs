namespace Byre.Qcow2.Layout;

/// <summary>
/// Where a compressed cluster's data lies: a byte offset, and a length counted in 512-byte sectors from the one it
/// starts in. The stream may end before the last sector does. Source: specification, "Compressed Clusters Descriptor":
/// bits 0..x-1 host offset, x..61 additional sectors, x = 62 - (cluster bits - 8).
/// </summary>
/// <param name="Offset">First byte of the stream.</param>
/// <param name="LengthBytes">Bytes from there to the end of the last sector.</param>
public readonly record struct CompressedDescriptor(HostOffset Offset, int LengthBytes)
{
    public const int SectorBytes = 512;

    public static CompressedDescriptor Decode(ulong entry, Geometry geometry)
    {
        int bits = geometry.CompressedOffsetBits;
        long offset = (long)(entry & ((1UL << bits) - 1));
        int sectors = (int)((entry >> bits) & ((1UL << (62 - bits)) - 1)) + 1;
        return new CompressedDescriptor(
            new HostOffset(offset), (sectors * SectorBytes) - (int)(offset & (SectorBytes - 1)));
    }

    /// <summary>The L2 word for <paramref name="lengthBytes"/> bytes of stream at <paramref name="offset"/>.</summary>
    public static ulong Encode(HostOffset offset, int lengthBytes, Geometry geometry)
    {
        long first = offset.Value / SectorBytes;
        long last = (offset.Value + lengthBytes - 1) / SectorBytes;
        return L2Entry.CompressedFlag | (ulong)offset.Value | ((ulong)(last - first) << geometry.CompressedOffsetBits);
    }
}
