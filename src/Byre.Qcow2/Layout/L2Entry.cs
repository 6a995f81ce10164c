namespace Byre.Qcow2.Layout;

/// <summary>
/// An entry of an L2 table, standard (one word) or extended (with a subcluster bitmap). Source: specification, "L2
/// table entry". Classification follows the peer: with an external data file an entry with offset 0 and the copied
/// flag is data.
/// </summary>
/// <param name="Word">Offset, or compressed descriptor, and flags.</param>
/// <param name="Bitmap">Zero for standard entries.</param>
public readonly record struct L2Entry(ulong Word, SubclusterBitmap Bitmap)
{
    public const ulong OffsetMask = 0x00ff_ffff_ffff_fe00;
    public const ulong CopiedFlag = 1UL << 63;
    public const ulong CompressedFlag = 1UL << 62;
    public const ulong ZeroFlag = 1;
    public const ulong ReservedMask = 0x3f00_0000_0000_01fe;

    public static L2Entry Unallocated => default;

    public bool IsCopied => (Word & CopiedFlag) != 0;

    public bool IsCompressed => (Word & CompressedFlag) != 0;

    /// <summary>The host cluster's offset; meaningless for compressed entries.</summary>
    public HostOffset Offset => new((long)(Word & OffsetMask));

    public static L2Entry Standard(ulong word) => new(word, default);

    /// <summary>What the entry says of the whole cluster.</summary>
    public ClusterType Classify(bool hasSubclusters, bool hasDataFile)
    {
        if (IsCompressed)
            return ClusterType.Compressed;
        bool hasOffset = (Word & OffsetMask) != 0;
        if (!hasSubclusters && (Word & ZeroFlag) != 0)
            return hasOffset ? ClusterType.ZeroAllocated : ClusterType.ZeroPlain;
        return hasOffset || (hasDataFile && IsCopied) ? ClusterType.Normal : ClusterType.Unallocated;
    }

    /// <summary>What the entry says of one subcluster.</summary>
    public SubclusterType ClassifySubcluster(int index, bool hasSubclusters, bool hasDataFile)
    {
        ClusterType type = Classify(hasSubclusters, hasDataFile);
        if (!hasSubclusters)
        {
            return type switch
            {
                ClusterType.Compressed => SubclusterType.Compressed,
                ClusterType.ZeroPlain => SubclusterType.ZeroPlain,
                ClusterType.ZeroAllocated => SubclusterType.ZeroAllocated,
                ClusterType.Normal => SubclusterType.Normal,
                _ => SubclusterType.UnallocatedPlain,
            };
        }

        bool allocated = Bitmap.IsAllocated(index);
        bool zero = Bitmap.IsZero(index);
        switch (type)
        {
            case ClusterType.Compressed:
                return SubclusterType.Compressed;
            case ClusterType.Normal:
                if (allocated)
                    return zero ? SubclusterType.Invalid : SubclusterType.Normal;
                return zero ? SubclusterType.ZeroAllocated : SubclusterType.UnallocatedAllocated;
            default:
                if (allocated)
                    return SubclusterType.Invalid;
                return zero ? SubclusterType.ZeroPlain : SubclusterType.UnallocatedPlain;
        }
    }
}
