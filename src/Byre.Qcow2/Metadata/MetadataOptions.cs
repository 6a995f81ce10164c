using Byre.Block.Threading;

namespace Byre.Qcow2.Metadata;

/// <summary>The runtime options that the metadata layer obeys. Immutable.</summary>
internal sealed record MetadataOptions
{
    public const int DefaultCompressedCacheClusters = 64;

    /// <summary>Bytes of an L2 slice: power of two from 512 to the cluster size.</summary>
    public required int L2SliceBytes { get; init; }

    /// <summary>L2 slices kept in memory; at least 2.</summary>
    public required int L2Slices { get; init; }

    /// <summary>What that becomes at most when the disk grows.</summary>
    public int L2SlicesAtMost
    {
        get => Math.Max(field, L2Slices);
        init;
    }

    public required int RefcountSliceBytes { get; init; }

    /// <summary>Refcount slices kept in memory; at least 4.</summary>
    public required int RefcountSlices { get; init; }

    /// <summary>Clusters of compressed data that are gathered in memory (ClusterWriteCache); 0: none.</summary>
    public int CompressedCacheClusters { get; init; } = DefaultCompressedCacheClusters;

    /// <summary>Clusters that small guest writes are gathered in; 0: none.</summary>
    public int DataCacheClusters { get; init; }

    /// <summary>How long such a cluster may wait for more; zero for ever.</summary>
    public TimeSpan DataCacheAge { get; init; }

    /// <summary>
    /// Bytes that the caches share with those of other nodes (<see cref="Budget"/>): the numbers of slices above are
    /// what they could use, no more than address space. Null: the caches have their slices for themselves.
    /// </summary>
    public long? BudgetBytes { get; init; }

    /// <summary>Who divides <see cref="BudgetBytes"/>.</summary>
    public CacheBudget Budget { get; init; } = CacheBudget.OfProcess;

    /// <summary>How long a slice may be unused before its memory is given back; zero for ever.</summary>
    public TimeSpan CacheCleanInterval { get; init; }

    /// <summary>What the interval is measured by.</summary>
    public TimeProvider Clock { get; init; } = TimeProvider.System;

    /// <summary>Leave refcount updates of data clusters for the close, or for a repair after a crash.</summary>
    public bool LazyRefcounts { get; init; }

    public bool PassDiscardRequest { get; init; }

    public bool PassDiscardSnapshot { get; init; } = true;

    public bool PassDiscardOther { get; init; }

    /// <summary>A discard keeps the host cluster referenced (and may punch it).</summary>
    public bool DiscardNoUnref { get; init; }

    public OverlapChecks OverlapChecks { get; init; } = OverlapChecks.Cached;

    /// <summary>What the image obeys; less than all of them only to test that it matters.</summary>
    public OrderingRules Rules { get; init; } = OrderingRules.All;

    /// <summary>Where those who waited go on.</summary>
    public CompletionScheduler Scheduler { get; init; } = CompletionScheduler.ThreadPool;

    public bool Obeys(OrderingRules rule) => (Rules & rule) != 0;

    /// <summary>True where clusters freed for <paramref name="reason"/> give their space back.</summary>
    public bool PassesDiscard(DiscardReason reason) => reason switch
    {
        DiscardReason.Always => true,
        DiscardReason.Request => PassDiscardRequest,
        DiscardReason.Snapshot => PassDiscardSnapshot,
        DiscardReason.Other => PassDiscardOther,
        _ => false,
    };
}
