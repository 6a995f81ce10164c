namespace Byre.Qcow2.Layout;

/// <summary>
/// What an L2 entry says of one subcluster. Without extended L2 entries a cluster is its only subcluster.
/// </summary>
public enum SubclusterType
{
    /// <summary>Not allocated, and its cluster has no host cluster either.</summary>
    UnallocatedPlain,

    /// <summary>Not allocated, but its cluster has a host cluster.</summary>
    UnallocatedAllocated,

    /// <summary>Reads as zeroes; its cluster has no host cluster.</summary>
    ZeroPlain,

    /// <summary>Reads as zeroes; its cluster has a host cluster.</summary>
    ZeroAllocated,

    /// <summary>The host cluster holds the data.</summary>
    Normal,

    /// <summary>The cluster is compressed.</summary>
    Compressed,

    /// <summary>
    /// The entry contradicts itself: both bits of the subcluster are set, or data without a host cluster.
    /// </summary>
    Invalid,
}
