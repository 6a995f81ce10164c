using System.Numerics;
using Byre.Block.Errors;
using Byre.Qcow2.Layout;
using Byre.Qcow2.Metadata;

namespace Byre.Qcow2;

/// <summary>
/// How many slices of which size the metadata caches hold. The sizes follow the peer's rules, so that options mean
/// the same; the slices do not: tables are cached in pieces of 4 KiB even where the cache could hold them all,
/// because a small piece is cheaper to load and to write back. Immutable.
/// </summary>
/// <param name="L2SliceBytes">A power of two from 512 bytes to the cluster size.</param>
/// <param name="L2Slices">At least 2: a copy-on-write of a table needs two.</param>
/// <param name="L2SlicesAtMost">What that becomes at most when the disk grows.</param>
/// <param name="RefcountSliceBytes">A power of two, at most the cluster size.</param>
/// <param name="RefcountSlices">At least as many as four clusters hold; in a budget, at least four.</param>
/// <param name="CompressedClusters">Clusters of compressed data gathered in memory; 0: none.</param>
/// <param name="DataClusters">Clusters that small guest writes are gathered in; 0: none.</param>
internal readonly record struct CacheSizes(
    int L2SliceBytes,
    int L2Slices,
    int L2SlicesAtMost,
    int RefcountSliceBytes,
    int RefcountSlices,
    int CompressedClusters,
    int DataClusters)
{
    private const int DefaultSliceBytes = 4096;
    private const int MinL2Slices = CacheBudget.MinL2Slices;
    private const int MinRefcountClusters = 4;
    private const ulong DefaultMaxL2Bytes = 32 << 20;

    /// <summary>What a node of a budget keeps at least. Slices: a budget may be smaller than four clusters.</summary>
    private const int MinRefcountSlices = CacheBudget.MinRefcountSlices;

    /// <summary>More than any host has: each node reserves address space for what it might get.</summary>
    private const ulong MaxBudgetBytes = 1UL << 40;

    /// <summary>Divides the memory that <paramref name="settings"/> allow between the two caches of an image.</summary>
    /// <exception cref="BlockException">The settings contradict each other or exceed a limit.</exception>
    public static CacheSizes Compute(CacheSettings settings, ImageHeader header)
    {
        int clusterBytes = header.ClusterSizeBytes;
        (ulong l2Bytes, ulong refcountBytes) = Divide(settings, header);
        ulong entryBytes = settings.L2EntryBytes ?? (ulong)Math.Min(clusterBytes, DefaultSliceBytes);
        const int MinEntryBytes = 1 << FormatLimits.MinClusterBits;
        if (entryBytes < MinEntryBytes || entryBytes > (ulong)clusterBytes || !BitOperations.IsPow2(entryBytes))
        {
            throw BlockException.Invalid(
                $"L2 cache entry size must be a power of two between {MinEntryBytes} and the cluster size " +
                $"({clusterBytes})");
        }

        if (settings.BudgetBytes is not null)
            return ComputeShared(settings, (int)entryBytes, header);

        ulong l2Slices = Math.Max(l2Bytes / entryBytes, MinL2Slices);
        if (l2Slices > int.MaxValue)
            throw BlockException.Invalid("L2 cache size too big");
        ulong refcountClusters = Math.Max(refcountBytes / (ulong)clusterBytes, MinRefcountClusters);
        if (refcountClusters > int.MaxValue)
            throw BlockException.Invalid("Refcount cache size too big");

        int refcountSliceBytes = Math.Min(clusterBytes, DefaultSliceBytes);
        ulong slicesPerCluster = (ulong)(clusterBytes / refcountSliceBytes);
        return new CacheSizes(
            (int)entryBytes,
            (int)l2Slices,
            (int)Math.Max(l2Slices, BytesForGrowth(settings) / entryBytes),
            refcountSliceBytes,
            (int)Math.Min(refcountClusters * slicesPerCluster, int.MaxValue),
            CompressedClustersOf(settings, clusterBytes),
            DataClustersOf(settings, clusterBytes));
    }

    /// <summary>
    /// What the cache of L2 tables may have once the disk is larger: no more than the default unless it has it already,
    /// because address space is reserved for it. Shares of one size stay as they were divided.
    /// </summary>
    private static ulong BytesForGrowth(CacheSettings settings) =>
        settings.CombinedBytes is null ? Math.Min(settings.L2Bytes ?? DefaultMaxL2Bytes, DefaultMaxL2Bytes) : 0;

    private static int CompressedClustersOf(CacheSettings settings, int clusterBytes) =>
        settings.CompressedBytes is { } bytes
            ? WholeClusters("Compressed", bytes, clusterBytes)
            : MetadataOptions.DefaultCompressedCacheClusters;

    private static int DataClustersOf(CacheSettings settings, int clusterBytes) =>
        WholeClusters("Data", settings.DataBytes ?? 0, clusterBytes);

    private static int WholeClusters(string cache, long bytes, int clusterBytes)
    {
        if (bytes != 0 && bytes < clusterBytes)
        {
            throw BlockException.Invalid(
                $"{cache} cache size must be 0 or at least the cluster size ({clusterBytes})");
        }

        if (bytes / clusterBytes > int.MaxValue)
            throw BlockException.Invalid($"{cache} cache size too big");
        return (int)(bytes / clusterBytes);
    }

    /// <summary>What an image could use of a budget at most, had it all of it.</summary>
    private static CacheSizes ComputeShared(CacheSettings settings, int l2SliceBytes, ImageHeader header)
    {
        ulong budget = settings.BudgetBytes!.Value;
        int refcountSliceBytes = Math.Min(header.ClusterSizeBytes, DefaultSliceBytes);
        ulong least = (ulong)((MinL2Slices * l2SliceBytes) + (MinRefcountSlices * refcountSliceBytes));
        if (budget < least)
            throw BlockException.Invalid($"cache-budget must be at least {least} bytes");
        if (budget > MaxBudgetBytes)
            throw BlockException.Invalid("cache-budget too big");

        // Counts are needed for what is stored: no more than the disk, its tables, and some slack.
        Geometry geometry = header.CreateGeometry();
        ulong clusters = (ulong)geometry.ClustersFor(header.VirtualSizeBytes);
        ulong wholeL2 = clusters << geometry.L2EntryBits;
        ulong wholeRefcounts = (clusters + (clusters / 4)) << geometry.RefcountOrder >> 3;
        ulong l2Slices = Math.Min(budget, wholeL2) / (ulong)l2SliceBytes;
        ulong refcountSlices = Math.Min(budget, wholeRefcounts) / (ulong)refcountSliceBytes;
        return new CacheSizes(
            l2SliceBytes,
            (int)Math.Clamp(l2Slices + 1, MinL2Slices, int.MaxValue),
            (int)Math.Clamp(l2Slices + 1, MinL2Slices, int.MaxValue),
            refcountSliceBytes,
            (int)Math.Clamp(refcountSlices + 1, MinRefcountSlices, int.MaxValue),
            CompressedClustersOf(settings, header.ClusterSizeBytes),
            DataClustersOf(settings, header.ClusterSizeBytes));
    }

    private static (ulong L2Bytes, ulong RefcountBytes) Divide(CacheSettings settings, ImageHeader header)
    {
        Geometry geometry = header.CreateGeometry();
        ulong wholeDisk = (ulong)geometry.L2BytesFor(header.VirtualSizeBytes);
        ulong minRefcounts = (ulong)(MinRefcountClusters * geometry.ClusterSize);
        ulong l2Setting = settings.L2Bytes ?? DefaultMaxL2Bytes;
        ulong refcounts = settings.RefcountBytes ?? 0;
        ulong l2 = Math.Min(wholeDisk, l2Setting);
        if (settings.BudgetBytes is not null &&
            (settings.CombinedBytes ?? settings.L2Bytes ?? settings.RefcountBytes) is not null)
        {
            throw BlockException.Invalid(
                "cache-budget may not be set together with cache-size, l2-cache-size or refcount-cache-size");
        }

        if (settings.CombinedBytes is not { } combined)
            return (l2, refcounts);

        if (settings.L2Bytes is not null && settings.RefcountBytes is not null)
        {
            throw BlockException.Invalid(
                "cache-size, l2-cache-size and refcount-cache-size may not be set at the same time");
        }

        if (settings.L2Bytes is not null && l2Setting > combined)
            throw BlockException.Invalid("l2-cache-size may not exceed cache-size");
        if (refcounts > combined)
            throw BlockException.Invalid("refcount-cache-size may not exceed cache-size");
        if (settings.L2Bytes is not null)
            return (l2, combined - l2);
        if (settings.RefcountBytes is not null)
            return (combined - refcounts, refcounts);

        // As much as possible for L2 tables, the rest for refcounts, which need at least their minimum.
        if (combined >= wholeDisk + minRefcounts)
            return (wholeDisk, combined - wholeDisk);
        refcounts = Math.Min(combined, minRefcounts);
        return (combined - refcounts, refcounts);
    }
}
