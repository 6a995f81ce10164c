namespace Byre.Simulation.Workloads;

/// <summary>The kinds of requests that workloads are made of.</summary>
public enum WorkloadStep
{
    /// <summary>A write into a cluster that is there.</summary>
    InPlaceWrite,

    /// <summary>A write into a cluster that is not.</summary>
    AllocatingWrite,

    /// <summary>A write where there is no L2 table yet.</summary>
    NewTableWrite,

    /// <summary>A write from the middle of a cluster over compressed and zero ones.</summary>
    CrossClusterWrite,

    /// <summary>A compressed cluster.</summary>
    CompressedWrite,

    /// <summary>Zeroes that keep the clusters.</summary>
    Zeroes,

    /// <summary>Zeroes that may give clusters back.</summary>
    ZeroesUnmap,

    Discard,

    Flush,

    SnapshotCreate,

    SnapshotApply,

    SnapshotDelete,

    Grow,

    /// <summary>Growth for which the L1 table is too small.</summary>
    GrowL1,

    Shrink,
}
