using Byre.Block.Graph;

namespace Byre.Qcow2;

/// <summary>What the user said about cache sizes, in bytes; null where nothing.</summary>
internal readonly record struct CacheSettings
{
    /// <summary><c>cache-size</c>: both caches together.</summary>
    public long? CombinedBytes { get; init; }

    /// <summary><c>l2-cache-size</c>: at most this, and no more than the disk needs.</summary>
    public long? L2Bytes { get; init; }

    /// <summary><c>l2-cache-entry-size</c>.</summary>
    public long? L2EntryBytes { get; init; }

    /// <summary><c>refcount-cache-size</c>.</summary>
    public long? RefcountBytes { get; init; }

    /// <summary><c>compressed-cache-size</c>: 0 disables it.</summary>
    public long? CompressedBytes { get; init; }

    public static CacheSettings TakeFrom(OptionSet options) => new()
    {
        CombinedBytes = options.TakeSize("cache-size"),
        L2Bytes = options.TakeSize("l2-cache-size"),
        L2EntryBytes = options.TakeSize("l2-cache-entry-size"),
        RefcountBytes = options.TakeSize("refcount-cache-size"),
        CompressedBytes = options.TakeSize("compressed-cache-size"),
    };
}
