namespace Byre.Simulation.Workloads;

/// <summary>The images that crashes are explored on: tiny, so that tables grow and caches evict within three
/// steps.</summary>
public static class Configurations
{
    /// <summary>Every one of them: on each all short workloads are explored.</summary>
    public static IReadOnlyList<DiskConfiguration> All { get; } =
    [
        new() { Name = "plain" },
        new() { Name = "snapshot", HasSnapshot = true },
        new() { Name = "refcount1", RefcountBits = 1 },
        new() { Name = "refcount64", RefcountBits = 64, FilledFileClusters = 58, HasSnapshot = true },
        new() { Name = "backing", ClusterBytes = 1024, BackingSectors = 120, Clusters = 140 },
        new() { Name = "lazy", LazyRefcounts = true, HasSnapshot = true },
        new() { Name = "datafile", ClusterBytes = 1024, HasDataFile = true, BackingSectors = 60 },
        new() { Name = "version2", Version = 2, HasSnapshot = true },
        new() { Name = "discards", ClusterBytes = 1024, PassesDiscards = true, HasSnapshot = true },
        new()
        {
            Name = "shared-backing", ClusterBytes = 1024, BackingSectors = 120, Clusters = 140, HasSnapshot = true,
        },
        new()
        {
            Name = "discards-backing",
            ClusterBytes = 1024,
            RefcountBits = 32,
            BackingSectors = 120,
            Clusters = 140,
            PassesDiscards = true,
            HasSnapshot = true,
        },
        new() { Name = "clusters2048", ClusterBytes = 2048, RefcountBits = 2, HasSnapshot = true, Clusters = 70 },
        new()
        {
            Name = "lazy-backing",
            ClusterBytes = 1024,
            RefcountBits = 8,
            LazyRefcounts = true,
            BackingSectors = 120,
            Clusters = 140,
        },
        new() { Name = "subclusters", ClusterBytes = 16384, ExtendedL2 = true, BackingSectors = 400, Clusters = 14 },
        new()
        {
            Name = "shared-subclusters",
            ClusterBytes = 16384,
            ExtendedL2 = true,
            Clusters = 14,
            PassesDiscards = true,
            HasSnapshot = true,
        },
        new()
        {
            Name = "discards-in-place",
            ClusterBytes = 1024,
            PassesDiscards = true,
            DiscardsInPlace = true,
            HasSnapshot = true,
        },
        new()
        {
            Name = "data-cache",
            ClusterBytes = 2048,
            BackingSectors = 200,
            Clusters = 70,
            DataCacheClusters = 2,
            HasSnapshot = true,
        },
        new()
        {
            Name = "uncached-compression",
            ClusterBytes = 1024,
            CompressedCacheClusters = 0,
            PassesDiscards = true,
            HasSnapshot = true,
        },
        new()
        {
            Name = "one-cached-cluster",
            ClusterBytes = 1024,
            CompressedCacheClusters = 1,
            BackingSectors = 120,
            Clusters = 140,
            PassesDiscards = true,
            HasSnapshot = true,
        },
        new()
        {
            Name = "direct", ClusterBytes = 2048, AlignmentBytes = 512, CompressedCacheClusters = 2, HasSnapshot = true,
            Clusters = 70,
        },
    ];

    /// <summary>Geometries as users have them, for seeded programs.</summary>
    public static IReadOnlyList<DiskConfiguration> AsUsed { get; } =
    [
        new() { Name = "default", ClusterBytes = 65536, Clusters = 24, L2Slices = 16 },
        new() { Name = "default-backing", ClusterBytes = 65536, Clusters = 24, BackingSectors = 2000, L2Slices = 16 },
        new()
        {
            Name = "default-subclusters",
            ClusterBytes = 65536,
            ExtendedL2 = true,
            Clusters = 24,
            BackingSectors = 2000,
            L2Slices = 16,
        },
        new()
        {
            Name = "default-data-cache",
            ClusterBytes = 65536,
            Clusters = 24,
            BackingSectors = 2000,
            L2Slices = 16,
            DataCacheClusters = 4,
        },
        new() { Name = "clusters4096", ClusterBytes = 4096, Clusters = 100, HasSnapshot = true },
    ];

    /// <summary>One whose refcount table is too small for one cluster more.</summary>
    public static DiskConfiguration FullRefcountTable { get; } =
        new() { Name = "reftable", RefcountBits = 64, FilledFileClusters = 4095, Clusters = 4300 };

    public static DiskConfiguration ByName(string name) =>
        All.Concat(AsUsed).Single(configuration => configuration.Name == name);
}
