using Byre.Block.Errors;
using Byre.Block.Graph;
using Byre.Block.Requests;
using Byre.Qcow2.Io;
using Byre.Qcow2.Tests.Io;

namespace Byre.Qcow2.Tests.Faults;

/// <summary>What the injected faults have found, one test for each.</summary>
public sealed class FaultRegressionTests
{
    private static readonly FaultGeometry Small = new(512, 16, false, false);

    private static readonly FaultScenario Filled =
        new("filled", static bench => bench.Write(0, 12 * 512, 1), static _ => { });

    /// <summary>
    /// The L2 table that a snapshot kept stayed "active" for the overlap checks. Once the snapshot was deleted and its
    /// cluster used again, the image was marked corrupt.
    /// </summary>
    [Fact]
    public void The_table_of_a_deleted_snapshot_can_be_used_again()
    {
        FaultImage image = FaultRunner.Prepare(Small, Filled);
        var bench = new FaultBench(image, new FaultClock(new Fault(), 0));
        bench.CreateSnapshot("first");
        bench.Write(0, 512, 2);
        bench.Flush();
        bench.DeleteSnapshot("first");
        bench.Flush();
        bench.Flush();
        for (int cluster = 12; cluster < 24; cluster++)
        {
            bench.Write(cluster * 512, 512, 3);
            bench.Write(cluster * 512, 512, 4);
        }

        bench.Flush();
        bench.CloseQuietly();
        FaultVerifier.Verify(bench.TakeImage(), bench.Log);
    }

    /// <summary>
    /// A write of the header reported an error and had reached the device all the same. The engine went on with the
    /// old tables and gave the new ones' clusters away: the snapshot that the header told of held other data.
    /// </summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_header_that_was_written_in_spite_of_an_error_is_written_again(bool isWritten)
    {
        FaultImage image = FaultRunner.Prepare(Small, Filled);
        var scenario = new FaultScenario("snapshot", static _ => { }, static bench =>
        {
            bench.CreateSnapshot("first");
            bench.Write(12 * 512, 20 * 512, 3);
            bench.Flush();
        });
        Assert.True(
            RunAll(
                scenario,
                image,
                new Fault { Effect = isWritten ? FaultEffect.Everything : FaultEffect.Nothing }) > 20);
    }

    /// <summary>The same for the entry of a new refcount block.</summary>
    [Fact]
    public void A_refcount_table_entry_that_was_written_in_spite_of_an_error_does_no_harm()
    {
        var geometry = new FaultGeometry(512, 64, false, false) { Clusters = 80 };
        FaultImage image = FaultRunner.Prepare(geometry, Filled);
        var scenario = new FaultScenario("new blocks", static _ => { }, static bench =>
        {
            for (int i = 0; i < 8; i++)
                bench.Write(i * 10 * 512, 10 * 512, (byte)(10 + i));
            bench.Flush();
        });
        Assert.True(RunAll(scenario, image, new Fault { Effect = FaultEffect.Everything }) > 20);
    }

    /// <summary>
    /// After a failed flush reads failed, too, as soon as they needed an L2 slice for which there was no room: it could
    /// only be made by writing others.
    /// </summary>
    [Fact]
    public void Reading_goes_on_after_a_failed_flush_though_the_cache_is_full_of_changes()
    {
        var geometry = new FaultGeometry(512, 16, false, false) { Clusters = 400 };
        var scenario = new FaultScenario(
            "filled", static bench => bench.Write(0, 400 * 512, 1), static _ => { });
        FaultImage image = FaultRunner.Prepare(geometry, scenario);
        var clock = new FaultClock(new Fault { Call = 1, IsPersistent = true }, 0);
        var file = FaultDevice.Holding(image.File, clock);
        Qcow2Node node = EngineHarness.Run(FaultBench.OpenNodeAsync(file, null, geometry));
        EngineHarness.Run(node.DiscardAsync(new ByteRange(0, 512)));
        EngineHarness.Run(node.DiscardAsync(new ByteRange(64 * 512, 512)));
        clock.IsRunning = true;
        Assert.Throws<BlockException>(() => EngineHarness.Run(node.FlushAsync()));
        clock.IsRunning = false;

        byte[] content = new byte[geometry.DiskBytes];
        EngineHarness.Run(node.ReadAsync(0, content));
        Assert.Equal(0, content[64 * 512]);
        Assert.Equal(1, content[^1]);
        Assert.Throws<BlockException>(() => EngineHarness.Run(node.WriteAsync(0, new byte[512])));
        Assert.Throws<BlockException>(() => EngineHarness.Run(node.DisposeAsync()));
    }

    /// <summary>
    /// Preallocated clusters were linked before the file was made longer. Where that failed, entries pointed behind
    /// its end, which a check calls corruption.
    /// </summary>
    [Fact]
    public void Preallocation_links_nothing_behind_the_end_of_the_file()
    {
        FaultImage image = FaultRunner.Prepare(Small, Filled);
        var scenario = new FaultScenario("preallocation", static _ => { }, static bench =>
            bench.Resize(bench.Geometry.DiskBytes + (8 * 512), PreallocationMode.Metadata));
        Assert.True(RunAll(scenario, image, new Fault { IsPersistent = true }) > 3);
    }

    private static int RunAll(FaultScenario scenario, FaultImage image, Fault fault)
    {
        int call = 1;
        while (FaultRunner.Run(scenario, image, fault with { Call = call }, out _))
            call++;
        return call;
    }
}
