namespace Byre.Qcow2.WriteCache;

/// <summary>
/// Where a <see cref="ClusterWriteCache"/> writes what it gathered. Called from any thread, for several clusters at the
/// same time, but never for one cluster twice at once, and never under a lock of the cache's.
/// </summary>
internal interface IWriteCacheTarget
{
    /// <summary>
    /// What writes should be aligned to, in bytes: a power of two. A write to which that could not be applied, because
    /// it would leave its cluster, comes unaligned.
    /// </summary>
    int AlignmentBytes { get; }

    /// <summary>Writes bytes of one cluster; <paramref name="content"/> does not change before this ends.</summary>
    /// <exception cref="Exception">
    /// Whatever is thrown reaches the caller of the cache whose request it belongs to.
    /// </exception>
    ValueTask WriteAsync(long offset, Memory<byte> content);
}
