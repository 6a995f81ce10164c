namespace Byre.Qcow2.WriteCache;

/// <summary>Counters of a write cache since the image was opened. A snapshot; immutable.</summary>
/// <param name="Hits">Reads of data that the cache held.</param>
/// <param name="Writes">Writes made, of whole clusters and of parts.</param>
/// <param name="PartialWrites">Those that a flush made of a cluster before it was complete.</param>
/// <param name="Drops">Clusters that were freed while the cache held them.</param>
/// <param name="HeldBytes">Memory held now.</param>
/// <param name="CapacityBytes">Memory that may be held before requests wait; 0 where the cache is off.</param>
public readonly record struct WriteCacheStatistics(
    long Hits, long Writes, long PartialWrites, long Drops, long HeldBytes, long CapacityBytes);
