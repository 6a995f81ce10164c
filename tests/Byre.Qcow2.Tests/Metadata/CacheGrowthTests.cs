using Byre.Block.Requests;
using Byre.Qcow2.Create;
using Byre.Qcow2.Metadata;
using Byre.Qcow2.Tests.Io;

namespace Byre.Qcow2.Tests.Metadata;

/// <summary>The cache of L2 tables follows the size of the disk, as far as the options allow.</summary>
public sealed class CacheGrowthTests
{
    private const int EntriesPerSlice = 512 / 8;

    [Theory]
    [InlineData(4 << 20, 16)]
    [InlineData(16 << 20, 64)]
    [InlineData(64 << 20, 100)]
    public void TheCacheGrowsWithTheDisk(int newBytes, int slices)
    {
        using EngineHarness harness = Open(slicesAtMost: 100);
        Assert.Equal(8, harness.Node.L2Statistics.CapacitySlices);
        EngineHarness.Run(harness.Node.TruncateAsync(new TruncateRequest(newBytes)));
        Assert.Equal(slices, harness.Node.L2Statistics.CapacitySlices);
        EngineHarness.Run(harness.Node.TruncateAsync(new TruncateRequest(1 << 20)));
        Assert.Equal(8, harness.Node.L2Statistics.CapacitySlices);
        harness.Close();
    }

    /// <summary>
    /// A disk that is preallocated as it grows has its tables in the cache: none is read, and all are written at the
    /// end. Before, they were written and read again one by one.
    /// </summary>
    [Fact]
    public void PreallocationReadsNoTable()
    {
        using EngineHarness harness = Open(slicesAtMost: 1000);
        long flushes = Flushes(harness);
        EngineHarness.Run(harness.Node.TruncateAsync(
            new TruncateRequest(100 << 20) { Preallocation = PreallocationMode.Metadata }));
        SliceCacheStatistics l2 = harness.Node.L2Statistics;
        Assert.Equal((100 << 20) / 4096 / EntriesPerSlice, l2.UsedSlices);
        Assert.Equal((0, 0), (l2.Misses, l2.Evictions));
        Assert.Equal(0, Flushes(harness) - flushes);
        harness.Close();
        harness.Check("after preallocation");
    }

    private static long Flushes(EngineHarness harness) =>
        harness.Node.FlushOrder.DeviceFlushes(FlushReason.CacheRoom);

    private static EngineHarness Open(int slicesAtMost)
    {
        var harness = new EngineHarness(new Qcow2CreateOptions { SizeBytes = 1 << 20, ClusterSizeBytes = 4096 })
        {
            L2Slices = 8,
            Adjust = options => options with { L2SlicesAtMost = slicesAtMost },
        };
        harness.Create();
        harness.Open();
        return harness;
    }
}
