using Byre.Block.Graph;

namespace Byre.Qcow2;

/// <summary>What the user said about cache sizes, in bytes; null where nothing.</summary>
internal readonly record struct CacheSettings
{
    /// <summary><c>cache-size</c>: both caches together.</summary>
    public ulong? CombinedBytes { get; init; }

    /// <summary><c>l2-cache-size</c>: at most this, and no more than the disk needs.</summary>
    public ulong? L2Bytes { get; init; }

    /// <summary><c>l2-cache-entry-size</c>.</summary>
    public ulong? L2EntryBytes { get; init; }

    /// <summary><c>refcount-cache-size</c>.</summary>
    public ulong? RefcountBytes { get; init; }

    /// <summary><c>cache-budget</c>: what this node shares with the others that name it; not the peer's.</summary>
    public ulong? BudgetBytes { get; init; }

    /// <summary><c>compressed-cache-size</c>: 0 disables it.</summary>
    public long? CompressedBytes { get; init; }

    /// <summary><c>data-cache-size</c>: 0, the default, disables it.</summary>
    public long? DataBytes { get; init; }

    public static CacheSettings TakeFrom(OptionSet options) => new()
    {
        CombinedBytes = TakeSize(options, "cache-size"),
        L2Bytes = TakeSize(options, "l2-cache-size"),
        L2EntryBytes = TakeSize(options, "l2-cache-entry-size"),
        RefcountBytes = TakeSize(options, "refcount-cache-size"),
        BudgetBytes = TakeSize(options, "cache-budget"),
        CompressedBytes = options.TakeSize("compressed-cache-size"),
        DataBytes = options.TakeSize("data-cache-size"),
    };

    private static ulong? TakeSize(OptionSet options, string key) =>
        options.Take(key) is { } text ? SizeText.ParseWide(key, text) : null;
}
