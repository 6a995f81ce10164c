using Byre.Block.Errors;
using Byre.Block.Requests;
using Byre.Qcow2.Create;
using Byre.Qcow2.Tests.Metadata;

namespace Byre.Qcow2.Tests.Io;

/// <summary>Small guest writes gathered in memory: what they save, and that nobody sees a difference.</summary>
public sealed class DataCacheTests
{
    private const int Cluster = 16 << 10;
    private const int Clusters = 12;

    [Theory]
    [InlineData(4096)]
    [InlineData(6000)]
    [InlineData(511)]
    public void Small_writes_in_order_copy_nothing_and_write_each_cluster_once(int size)
    {
        using EngineHarness image = Open(clusters: 4);
        for (int offset = 0; offset < 8 * Cluster; offset += size)
            Write(image, offset, Math.Min(size, (8 * Cluster) - offset));

        Assert.Equal(8, image.Node.DataStatistics.Writes);
        Assert.Equal(0, image.Node.DataStatistics.PartialWrites);
        Assert.Equal(0, image.Node.DataStatistics.HeldBytes);
        Assert.DoesNotContain(image.Node.Figures, figure => figure is { Name: "copy_on_write_bytes", Value: > 0 });
        image.Verify("written");
        Close(image);
    }

    [Fact]
    public void What_is_held_is_read_told_flushed_and_kept_by_a_close()
    {
        using EngineHarness image = Open(clusters: 4);
        Write(image, 0, 3000);
        Write(image, 3000, 2000);
        image.Verify("held");
        Assert.Equal(1, image.Node.DataStatistics.HeldBytes / Cluster);
        BlockExtent extent = EngineHarness.Run(image.Node.GetStatusAsync(new ByteRange(0, Cluster)));
        Assert.True(extent.Has(BlockStatus.Data));
        Assert.Equal(0, image.Node.DataStatistics.HeldBytes);

        Write(image, 2 * Cluster, 512);
        EngineHarness.Run(image.Node.FlushAsync());
        Assert.Equal(0, image.Node.DataStatistics.HeldBytes);
        Write(image, 4 * Cluster, 512);
        image.Close();
        image.Check("closed");
        image.Open();
        image.Verify("opened again");
        Close(image);
    }

    [Fact]
    public void Other_requests_see_what_is_held()
    {
        using EngineHarness image = Open(clusters: 8);
        for (int cluster = 0; cluster < 6; cluster++)
            Write(image, cluster * Cluster, 5000);
        EngineHarness.Run(image.Node.WriteZeroesAsync(new ByteRange(1000, 100), RequestFlags.None));
        image.Expected.AsSpan(1000, 100).Clear();
        EngineHarness.Run(image.Node.DiscardAsync(new ByteRange(Cluster, Cluster)));
        image.Expected.AsSpan(Cluster, Cluster).Clear();
        Write(image, (2 * Cluster) + 100, Cluster);
        EngineHarness.Run(image.Node.CreateSnapshotAsync(new Block.Graph.SnapshotInfo("", "s")));
        byte[] then = [.. image.Expected];
        Write(image, 8 * Cluster, 700);
        image.Verify("changed");
        EngineHarness.Run(image.Node.ApplySnapshotAsync("s"));
        image.Expected = then;
        image.Verify("the snapshot");
        Write(image, (Clusters * Cluster) - Cluster, 700);
        EngineHarness.Run(image.Node.TruncateAsync(new TruncateRequest((Clusters - 2) * Cluster)));
        image.Expected = image.Expected[..((Clusters - 2) * Cluster)];
        image.Verify("cut");
        Close(image);
    }

    [Fact]
    public void Too_many_clusters_are_written_out_oldest_first_and_writes_anywhere_are_not_held()
    {
        using EngineHarness image = Open(clusters: 2);
        for (int cluster = 0; cluster < 5; cluster++)
            Write(image, cluster * Cluster, 512);
        Assert.Equal(2 * Cluster, image.Node.DataStatistics.HeldBytes);
        Assert.Equal(3, image.Node.DataStatistics.PartialWrites);
        Write(image, (9 * Cluster) + 7000, 512);
        Assert.Equal(2 * Cluster, image.Node.DataStatistics.HeldBytes);
        image.Verify("written");
        Close(image);
    }

    [Fact]
    public void What_waits_too_long_is_written_out()
    {
        var clock = new ManualClock();
        using EngineHarness image = Open(clusters: 2, clock);
        Write(image, 0, 512);
        clock.Tick();
        Assert.Equal(0, image.Node.DataStatistics.HeldBytes);
        image.Verify("aged");
        Close(image);
    }

    [Fact]
    public void A_write_out_that_fails_keeps_the_data_and_tells_the_flush()
    {
        using EngineHarness image = Open(clusters: 2);
        image.Close();
        var file = new FaultyNode(image.File);
        image.Open(file);
        Write(image, 0, 512);
        file.FailAfter = 1;
        Assert.Throws<BlockException>(() => EngineHarness.Run(image.Node.FlushAsync()));
        Assert.NotNull(file.Failed);
        image.Verify("failed");
        Assert.Equal(Cluster, image.Node.DataStatistics.HeldBytes);
        EngineHarness.Run(image.Node.FlushAsync());
        Assert.Equal(0, image.Node.DataStatistics.HeldBytes);
        image.Verify("flushed");
        Close(image);
    }

    [Fact]
    public void The_last_cluster_of_a_disk_is_whole_where_the_disk_ends()
    {
        using EngineHarness image = Open(clusters: 2, sizeBytes: (2 * Cluster) + 1024);
        Write(image, 2 * Cluster, 512);
        Write(image, (2 * Cluster) + 512, 512);
        Assert.Equal(0, image.Node.DataStatistics.HeldBytes);
        image.Verify("written");
        Close(image);
    }

    private static EngineHarness Open(int clusters, TimeProvider? clock = null, int sizeBytes = Clusters * Cluster)
    {
        byte[] backing = new byte[Clusters * Cluster];
        new Random(5).NextBytes(backing);
        var image = new EngineHarness(
            new Qcow2CreateOptions { SizeBytes = sizeBytes, ClusterSizeBytes = Cluster }, backing)
        {
            Adjust = options => options with
            {
                DataCacheClusters = clusters,
                DataCacheAge = clock is null ? default : TimeSpan.FromTicks(1),
                Clock = clock ?? options.Clock,
            },
        };
        image.Create();
        image.Open();
        return image;
    }

    private static void Write(EngineHarness image, int offset, int length)
    {
        new Random(offset).NextBytes(image.Expected.AsSpan(offset, length));
        EngineHarness.Run(image.Node.WriteAsync(offset, image.Expected.AsMemory(offset, length)));
    }

    private static void Close(EngineHarness image)
    {
        image.Close();
        image.Check("closed");
    }
}
