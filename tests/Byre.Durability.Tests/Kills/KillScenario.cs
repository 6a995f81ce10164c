namespace Byre.Durability.Tests.Kills;

/// <summary>An image that writers are killed on.</summary>
/// <param name="Name">For failures.</param>
/// <param name="ClusterBytes">Cluster size.</param>
/// <param name="Options">Further creation options.</param>
internal sealed record KillScenario(string Name, int ClusterBytes, string Options = "")
{
    /// <summary>Bytes of the raw backing file; 0 for none.</summary>
    public int BackingBytes { get; init; }

    public bool HasDataFile { get; init; }

    /// <summary>Internal snapshots are possible: more than one reference to a cluster.</summary>
    public bool AllowsSnapshots { get; init; } = true;

    public bool AllowsCompression => !HasDataFile;

    /// <summary>The disk ends inside a cluster.</summary>
    public int DiskBytes => Math.Min(96 * ClusterBytes, 2 << 20) + Math.Min(3 * 512, ClusterBytes / 1024 * 512);

    /// <summary>All of them; an image's case number chooses.</summary>
    public static IReadOnlyList<KillScenario> All { get; } =
    [
        new("default", 65536),
        new("small clusters", 4096),
        new("smallest clusters", 512),
        new("subclusters", 65536, "extended_l2=on"),
        new("subclusters over a backing file", 16384, "extended_l2=on") { BackingBytes = 400_000 },
        new("lazy refcounts", 65536, "lazy_refcounts=on"),
        new("lazy refcounts, smallest clusters", 512, "lazy_refcounts=on") { BackingBytes = 20_000 },
        new("one-bit refcounts", 4096, "refcount_bits=1") { AllowsSnapshots = false },
        new("64-bit refcounts", 512, "refcount_bits=64"),
        new("backing file", 65536) { BackingBytes = 1_000_000 },
        new("small clusters over a backing file", 1024, "refcount_bits=32") { BackingBytes = 50_000 },
        new("data file", 65536) { HasDataFile = true },
        new("zstd", 4096, "compression_type=zstd"),
        new("version 2", 4096, "compat=0.10"),
    ];
}
