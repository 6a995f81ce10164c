namespace Byre.Qcow2.Metadata;

/// <summary>Counters of one metadata cache since the image was opened. A snapshot; immutable.</summary>
public readonly record struct SliceCacheStatistics(
    long Hits, long Misses, long Evictions, long WriteBacks, int CapacitySlices, int UsedSlices, int SliceBytes)
{
    /// <summary>Bytes of slices held.</summary>
    public long HeldBytes => (long)UsedSlices * SliceBytes;

    /// <summary>Bytes of slices kept at most, but for what requests in flight need beyond.</summary>
    public long LimitBytes => (long)CapacitySlices * SliceBytes;
}
