using Byre.Qcow2.WriteCache;

namespace Byre.Qcow2.Metadata;

/// <summary>A node that tells how its metadata caches do. Safe to ask at any time, from any thread.</summary>
public interface IMetadataCaches
{
    /// <summary>The cache of L2 tables.</summary>
    SliceCacheStatistics L2Statistics { get; }

    /// <summary>The cache of refcount blocks.</summary>
    SliceCacheStatistics RefcountStatistics { get; }

    /// <summary>The cache that gathers compressed data by host cluster; all zeroes where it is off.</summary>
    WriteCacheStatistics CompressedStatistics { get; }
}
