using Byre.Block.Graph;
using Byre.Qcow2.Metadata;
using Byre.Qcow2.WriteCache;

namespace Byre.Qcow2.Io;

/// <content>What the node and its caches count.</content>
internal sealed partial class Qcow2Node : IMetadataCaches, INodeStatistics
{
    private long _copiedBytes;
    private long _guestFlushes;

    /// <inheritdoc/>
    public SliceCacheStatistics L2Statistics => _tables.L2Cache.Statistics;

    /// <inheritdoc/>
    public SliceCacheStatistics RefcountStatistics => _tables.RefcountCache.Statistics;

    /// <inheritdoc/>
    public WriteCacheStatistics CompressedStatistics => _tables.CompressedCache?.Statistics ?? default;

    /// <summary>The data cache's counters; all zero where it is off.</summary>
    public WriteCacheStatistics DataStatistics => _gathered?.Statistics ?? default;

    /// <inheritdoc/>
    public IEnumerable<NodeFigure> Figures =>
    [
        .. FiguresOf("l2", "L2 slices", L2Statistics),
        .. FiguresOf("refcount", "refcount block slices", RefcountStatistics),
        .. FiguresOf(CompressedStatistics),
        .. DataFigures(),
        new(
            "copy_on_write_bytes",
            "Bytes read to complete newly allocated clusters.",
            Interlocked.Read(ref _copiedBytes)),
        new("guest_flushes", "Flushes asked for.", Interlocked.Read(ref _guestFlushes)),
        .. FlushFigures(),
        new(
            "quarantine_clusters",
            "Freed clusters that wait until they may be used again.",
            _tables.Quarantine.WaitingClusters,
            OnlyGrows: false),
    ];

    private IEnumerable<NodeFigure> FlushFigures() =>
    [
        new("device_flushes_guest", "Flushes of the file for the guest's.", _flush.DeviceFlushes(FlushReason.Guest)),
        new(
            "device_flushes_cache_room",
            "Flushes of the file because changes filled a cache.",
            _flush.DeviceFlushes(FlushReason.CacheRoom)),
        new(
            "device_flushes_freed_clusters",
            "Flushes of the file so that freed clusters may be used again.",
            _flush.DeviceFlushes(FlushReason.FreedClusters)),
        new(
            "device_flushes_structure",
            "Flushes of the file for new tables, snapshots, a new size.",
            _flush.DeviceFlushes(FlushReason.Structure)),
        new("device_flushes_close", "Flushes of the file at its close.", _flush.DeviceFlushes(FlushReason.Close)),
    ];

    private IEnumerable<NodeFigure> DataFigures()
    {
        WriteCacheStatistics counted = DataStatistics;
        return
        [
            new("data_cache_hits", "Reads of data that was not written yet.", counted.Hits),
            new("data_cache_writes", "Writes of gathered guest data.", counted.Writes),
            new("data_cache_partial_writes", "Those of clusters that were not whole.", counted.PartialWrites),
            new("data_cache_held_bytes", "Memory for gathered guest data.", counted.HeldBytes, OnlyGrows: false),
        ];
    }

    private static IEnumerable<NodeFigure> FiguresOf(WriteCacheStatistics counted) =>
    [
        new("compressed_cache_hits", "Reads of compressed data that was not written yet.", counted.Hits),
        new("compressed_cache_writes", "Writes of gathered compressed data.", counted.Writes),
        new("compressed_cache_partial_writes", "Those of clusters that were not full yet.", counted.PartialWrites),
        new("compressed_cache_drops", "Clusters freed before they were full.", counted.Drops),
        new("compressed_cache_held_bytes", "Memory for gathered data.", counted.HeldBytes, OnlyGrows: false),
    ];

    private static IEnumerable<NodeFigure> FiguresOf(string cache, string what, SliceCacheStatistics counted) =>
    [
        new($"{cache}_cache_hits", $"Look-ups of {what} found in memory.", counted.Hits),
        new($"{cache}_cache_misses", $"Look-ups of {what} read from the image.", counted.Misses),
        new($"{cache}_cache_evictions", $"Times that {what} made room for others.", counted.Evictions),
        new($"{cache}_cache_write_backs", $"Times that {what} were written to the image.", counted.WriteBacks),
        new($"{cache}_cache_held_bytes", $"Bytes of {what} in memory.", counted.HeldBytes, OnlyGrows: false),
        new($"{cache}_cache_limit_bytes", $"Bytes of {what} kept at most.", counted.LimitBytes, OnlyGrows: false),
    ];
}
