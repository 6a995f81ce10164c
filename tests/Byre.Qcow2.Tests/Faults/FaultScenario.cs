using Byre.Block.Requests;

namespace Byre.Qcow2.Tests.Faults;

/// <summary>A program of requests in which a storage call fails.</summary>
/// <param name="Name">For failures.</param>
/// <param name="Prepare">Makes the image; nothing fails.</param>
/// <param name="Run">The requests of which one will fail. The image is opened by the first.</param>
internal sealed record FaultScenario(string Name, Action<FaultBench> Prepare, Action<FaultBench> Run)
{
    /// <summary>Where the scenario makes no sense elsewhere.</summary>
    public Func<FaultGeometry, bool> AppliesTo { get; init; } = static _ => true;

    public override string ToString() => Name;

    public static IReadOnlyList<FaultScenario> All { get; } =
    [
        new("in-place write", Filled, InPlaceWrites),
        new("allocating write", static _ => { }, AllocatingWrites),
        new("write across clusters of all kinds", Mixed, CrossClusterWrites),
        new("compressed write", static _ => { }, CompressedWrites) { AppliesTo = HasNoDataFile },
        new("many compressed writes", static _ => { }, ManyCompressedWrites) { AppliesTo = HasNoDataFile },
        new("write over compressed clusters", Compressed, OverCompressed) { AppliesTo = HasNoDataFile },
        new("read", Mixed, Read),
        new("read of compressed clusters", Compressed, Read) { AppliesTo = HasNoDataFile },
        new("zeroes", Mixed, Zeroes),
        new("discard and reuse", Filled, DiscardAndReuse),
        new("snapshots", Filled, Snapshots) { AppliesTo = AllowsSnapshots },
        new("snapshot with vm state", Filled, VmState) { AppliesTo = AllowsSnapshots },
        new("grow", Mixed, Grow),
        new("grow with preallocation", Mixed, GrowPreallocated),
        new("shrink", Filled, Shrink),
        new("refcount table growth", AlmostFull, GrowRefcountTable)
        {
            AppliesTo = static geometry => geometry.Clusters > 1000,
        },
        new("close", Mixed, Close),
    ];

    /// <summary>The scenarios of a geometry.</summary>
    public static IEnumerable<FaultScenario> For(FaultGeometry geometry) =>
        All.Where(scenario => scenario.AppliesTo(geometry) &&
            (geometry.Clusters <= 1000 || scenario.Name.StartsWith("refcount", StringComparison.Ordinal)));

    private static bool HasNoDataFile(FaultGeometry geometry) => !geometry.HasDataFile;

    private static bool AllowsSnapshots(FaultGeometry geometry) => !geometry.HasDataFile && geometry.RefcountBits > 1;

    private static void Filled(FaultBench bench) => bench.Write(0, 12 * bench.ClusterBytes, 1);

    /// <summary>Clusters of all kinds side by side.</summary>
    private static void Mixed(FaultBench bench)
    {
        int cluster = bench.ClusterBytes;
        bench.Write(0, 3 * cluster, 2);
        bench.Zero(cluster, cluster);
        if (HasNoDataFile(bench.Geometry))
            bench.Write(4 * cluster, cluster, 3, RequestFlags.Compressed);
        bench.Write(6 * cluster, cluster, 4);
        bench.Discard(6 * cluster, cluster);
        bench.Write(9 * cluster, cluster / 2, 5);
    }

    private static void Compressed(FaultBench bench)
    {
        for (int i = 0; i < 6; i++)
            bench.Write(i * bench.ClusterBytes, bench.ClusterBytes, (byte)(i + 1), RequestFlags.Compressed);
    }

    private static void AlmostFull(FaultBench bench)
    {
        int bytes = (bench.Geometry.Clusters - 250) * bench.ClusterBytes;
        bench.Write(0, bytes, 7);
    }

    private static void InPlaceWrites(FaultBench bench)
    {
        int cluster = bench.ClusterBytes;
        bench.Write(cluster / 2, cluster, 11);
        bench.Flush();
        bench.Write(3 * cluster, 5 * cluster, 12);
        bench.Write(cluster / 2, cluster / 4, 13);
        bench.Flush();
    }

    private static void AllocatingWrites(FaultBench bench)
    {
        int cluster = bench.ClusterBytes;
        bench.Write(cluster / 4, cluster / 2, 21);
        bench.Write(2 * cluster, 3 * cluster, 22);
        bench.Flush();
        bench.Write(30 * cluster, cluster + (cluster / 2), 23);
        bench.Write(cluster, cluster / 2, 24);
        bench.Flush();
        bench.Write(8 * cluster, cluster, 25);
    }

    private static void CrossClusterWrites(FaultBench bench)
    {
        int cluster = bench.ClusterBytes;
        bench.Write(cluster / 2, 10 * cluster, 31);
        bench.Flush();
        bench.Write((9 * cluster) + (cluster / 4), 2 * cluster, 32);
        bench.Flush();
    }

    private static void CompressedWrites(FaultBench bench)
    {
        int cluster = bench.ClusterBytes;
        bench.Write(0, 2 * cluster, 41, RequestFlags.Compressed);
        bench.Flush();
        bench.Write(8 * cluster, cluster, 42, RequestFlags.Compressed);
        bench.Write(20 * cluster, cluster, 43, RequestFlags.Compressed);
        bench.Write(24 * cluster, cluster / 2, 44);
        bench.Flush();
    }

    private static void ManyCompressedWrites(FaultBench bench)
    {
        int cluster = bench.ClusterBytes;
        for (int i = 0; i < 6; i++)
            bench.Write(i * cluster, cluster, (byte)(i + 45), RequestFlags.Compressed);
        bench.Discard(2 * cluster, 2 * cluster);
        bench.Flush();
        bench.Write(24 * cluster, 2 * cluster, 51);
        for (int i = 6; i < 10; i++)
            bench.Write(i * cluster, cluster, (byte)(i + 45), RequestFlags.Compressed);
        bench.Flush();
        bench.Write(2 * cluster, cluster, 56, RequestFlags.Compressed);
        bench.Write(3 * cluster, cluster, 57);
        bench.Close();
    }

    private static void OverCompressed(FaultBench bench)
    {
        int cluster = bench.ClusterBytes;
        bench.Write(cluster / 2, cluster, 51);
        bench.Flush();
        bench.Discard(3 * cluster, cluster);
        bench.Write(4 * cluster, cluster, 52);
        bench.Flush();
        bench.Flush();
        bench.Write(12 * cluster, 2 * cluster, 53);
        bench.Flush();
    }

    private static void Read(FaultBench bench)
    {
        bench.Read();
        bench.Write(8 * bench.ClusterBytes, bench.ClusterBytes, 55);
        bench.Read();
    }

    private static void Zeroes(FaultBench bench)
    {
        int cluster = bench.ClusterBytes;
        bench.Zero(0, 2 * cluster);
        bench.Zero(4 * cluster, 2 * cluster, RequestFlags.MayUnmap);
        bench.Flush();
        bench.Zero((8 * cluster) + (cluster / 2), cluster, RequestFlags.MayUnmap);
        bench.Write(0, cluster, 61);
        bench.Flush();
    }

    private static void DiscardAndReuse(FaultBench bench)
    {
        int cluster = bench.ClusterBytes;
        bench.Discard(2 * cluster, 4 * cluster);
        bench.Write(20 * cluster, 2 * cluster, 71);
        bench.Flush();
        bench.Write(22 * cluster, 3 * cluster, 72);
        bench.Flush();
        bench.Write(26 * cluster, 2 * cluster, 73);
    }

    private static void Snapshots(FaultBench bench)
    {
        int cluster = bench.ClusterBytes;
        bench.CreateSnapshot("first");
        bench.Write(cluster / 2, 2 * cluster, 81);
        bench.Flush();
        bench.CreateSnapshot("second");
        bench.Write(20 * cluster, cluster, 82);
        bench.Flush();
        bench.ApplySnapshot("first");
        bench.Write(5 * cluster, cluster, 83);
        bench.DeleteSnapshot("first");
        bench.Flush();
        bench.DeleteSnapshot("second");
        bench.Write(0, cluster, 84);
        bench.Flush();
    }

    private static void VmState(FaultBench bench)
    {
        bench.SaveVmState(3 * bench.ClusterBytes);
        bench.CreateSnapshot("state");
        bench.Write(0, bench.ClusterBytes, 91);
        bench.DeleteSnapshot("state");
        bench.Flush();
    }

    private static void Grow(FaultBench bench)
    {
        int bytes = bench.Geometry.DiskBytes;
        // With the smallest clusters the L1 table needs a second one.
        int added = (bench.ClusterBytes == 512 ? 4100 : 20) * bench.ClusterBytes;
        bench.Write(0, bench.ClusterBytes, 101);
        bench.Resize(bytes + added - (added % 512));
        bench.Write(bytes - 512, 512, 102);
        bench.Flush();
    }

    private static void GrowPreallocated(FaultBench bench)
    {
        int bytes = bench.Geometry.DiskBytes;
        bench.Resize(bytes + (3 * bench.ClusterBytes), PreallocationMode.Metadata);
        bench.Resize(bytes + (5 * bench.ClusterBytes), PreallocationMode.Falloc);
        bench.Resize(bytes + (7 * bench.ClusterBytes), PreallocationMode.Full);
        bench.Write(0, bench.ClusterBytes, 111);
        bench.Flush();
    }

    private static void Shrink(FaultBench bench)
    {
        bench.Resize(5 * bench.ClusterBytes);
        bench.Write(0, bench.ClusterBytes, 121);
        bench.Flush();
    }

    private static void GrowRefcountTable(FaultBench bench)
    {
        int end = (bench.Geometry.Clusters - 250) * bench.ClusterBytes;
        bench.Write(end, 100 * bench.ClusterBytes, 131);
        bench.Flush();
        bench.Write(end + (100 * bench.ClusterBytes), 140 * bench.ClusterBytes, 132);
        bench.Flush();
    }

    private static void Close(FaultBench bench)
    {
        int cluster = bench.ClusterBytes;
        bench.Write(20 * cluster, 2 * cluster, 141);
        bench.Discard(0, cluster);
        bench.Close();
        bench.Write(24 * cluster, cluster, 142);
        bench.Close();
    }
}
