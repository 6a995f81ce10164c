using System.Diagnostics;
using Byre.Block.Graph;
using Byre.Qcow2.Create;
using Byre.Qcow2.Io;
using Byre.Qcow2.Metadata;
using Byre.Qcow2.Tests.Driver;
using Byre.Qcow2.Tests.Io;

namespace Byre.Qcow2.Tests.Metadata;

/// <summary>Slices that nobody uses go, and their memory with them.</summary>
public sealed class CacheCleanTests
{
    private const long SliceSpan = 4096 / 8 * 65536L;

    [Fact]
    public async Task ARealImageGivesTheMemoryOfItsCachesBack()
    {
        string path = Path.Combine(Path.GetTempPath(), $"byre-clean-{Guid.NewGuid():N}.qcow2");
        try
        {
            var images = new Images();
            const long Slices = 1024;
            await images.CreateAsync(path, "preallocation=metadata", $"{Slices * SliceSpan}");
            await using BlockNode node = await images.OpenAsync(path, "cache-clean-interval=1");
            var engine = (Qcow2Node)node;
            byte[] sector = new byte[512];
            for (int i = 0; i < Slices; i++)
                await node.ReadAsync(i * SliceSpan, sector);
            Assert.Equal(Slices * 4096, Resident(engine));

            // One slice stays in use; nobody misses what goes.
            var waited = Stopwatch.StartNew();
            do
            {
                await Task.Delay(50);
                await node.ReadAsync(5 * SliceSpan, sector);
            }
            while (Resident(engine) > 4096 && waited.Elapsed < TimeSpan.FromSeconds(30));
            Assert.Equal(4096, Resident(engine));
            Assert.Equal(1, engine.L2Statistics.UsedSlices);
            Assert.Equal(Slices, engine.L2Statistics.Misses);
            await node.ReadAsync(0, sector);
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Fact]
    public void EmptyingACacheGivesItsMemoryBack()
    {
        using EngineHarness harness = Filled(new ManualClock(), slices: 256);
        Assert.NotEqual(0, Resident(harness.Node));
        EngineHarness.Run(harness.Node.FlushAsync());
        using (MetadataScope scope = harness.Node.Tables.Lock.Enter())
            harness.Node.Tables.L2Cache.DropAll(scope);
        Assert.Equal(0, Resident(harness.Node));
        harness.Verify("after emptying");
        harness.Close();
    }

    [Fact]
    public void WhatIsDirtyStaysUntilItIsWritten()
    {
        var clock = new ManualClock();
        using EngineHarness harness = Filled(clock, slices: 256);
        int dirty = harness.Node.Tables.L2Cache.DirtyCount;
        Assert.NotEqual(0, dirty);
        clock.Tick();
        clock.Tick();
        Assert.Equal(dirty, harness.Node.Tables.L2Cache.DirtyCount);
        Assert.Equal(dirty, harness.Node.L2Statistics.UsedSlices);
        EngineHarness.Run(harness.Node.FlushAsync());
        clock.Tick();
        Assert.Equal(0, harness.Node.L2Statistics.UsedSlices);
        Assert.Equal(0, harness.Node.RefcountStatistics.UsedSlices);
        Assert.Equal(0, Resident(harness.Node));
        harness.Verify("after cleaning");
        harness.Close();
        harness.Check("after closing");
        Assert.Equal(0, clock.Timers);
    }

    /// <summary>Used since the last tick: it stays for this one.</summary>
    [Fact]
    public void WhatIsUsedStays()
    {
        var clock = new ManualClock();
        using EngineHarness harness = Filled(clock, slices: 256);
        EngineHarness.Run(harness.Node.FlushAsync());
        clock.Tick();
        byte[] sector = new byte[512];
        for (int tick = 0; tick < 4; tick++)
        {
            EngineHarness.Run(harness.Node.ReadAsync(0, sector));
            clock.Tick();
            Assert.Equal(1, harness.Node.L2Statistics.UsedSlices);
        }

        clock.Tick();
        Assert.Equal(0, harness.Node.L2Statistics.UsedSlices);
        harness.Close();
    }

    private static EngineHarness Filled(ManualClock clock, int slices)
    {
        var harness = new EngineHarness(new Qcow2CreateOptions { SizeBytes = 64 << 20, ClusterSizeBytes = 4096 })
        {
            L2Slices = slices,
            Adjust = options => options with { CacheCleanInterval = TimeSpan.FromSeconds(9), Clock = clock },
        };
        new Random(3).NextBytes(harness.Expected);
        harness.Create();
        harness.Open();
        EngineHarness.Run(harness.Node.WriteAsync(0, harness.Expected));
        return harness;
    }

    private static long Resident(Qcow2Node node)
    {
        SliceCache cache = node.Tables.L2Cache;
        return ResidentPages.BytesOf(cache.LoadingMemory(0).Span, (long)cache.CapacitySlices * cache.SliceBytes);
    }
}
