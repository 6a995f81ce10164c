using Byre.Qcow2.Metadata;
using Byre.Simulation.Concurrency;
using Byre.Simulation.Crash;
using Byre.Simulation.Workloads;
using Xunit.Abstractions;

namespace Byre.Simulation.Tests;

/// <summary>
/// The races that QEMU 10 has (docs/crash-consistency.md says how to see them there). Each is shown on an engine of
/// ours that works as QEMU does in this point, and not on Byre.
/// </summary>
public sealed class RaceTests(ITestOutputHelper log)
{
    private const OrderingRules All = OrderingRules.All;

    /// <summary>QEMU frees the cluster under the write, which lands in whatever the cluster is used for next.</summary>
    [Fact]
    public void A_discard_waits_for_a_write_in_flight_to_the_cluster_that_it_frees()
    {
        Assert.Null(FindInRaces(All));
        string? finding = FindInRaces(All & ~(OrderingRules.LeaseBeforeChange | OrderingRules.UnlinkBeforeReuse));
        log.WriteLine(finding ?? "");
        Assert.NotNull(finding);

        static string? FindInRaces(OrderingRules rules)
        {
            DiskStart start = DiskStart.Make(Configurations.ByName("plain"));
            var settings = new SessionSettings { Rules = rules };
            return Enumerable.Range(0, 200).Select(seed => new Race(start, settings, seed).Run(session =>
            [
                () => session.WriteAsync(0, 1, compressed: false),
                () => session.DiscardAsync(0, 1),
                () => session.WriteAsync(40, 1, compressed: false),
                () => session.WriteAsync(41, 1, compressed: false),
            ])).FirstOrDefault(static found => found is not null);
        }
    }

    /// <summary>In QEMU a crash may then show one guest sector another one's bytes.</summary>
    [Fact]
    public void A_freed_cluster_is_not_reused_before_its_unlink_is_stable()
    {
        WorkloadStep[] steps = [WorkloadStep.Discard, WorkloadStep.AllocatingWrite];
        Assert.Empty(Explore("plain", All, steps));
        CrashFinding foreign = Explore("plain", All & ~OrderingRules.UnlinkBeforeReuse, steps)
            .First(static finding => finding.Text.StartsWith("the disk shows", StringComparison.Ordinal));
        log.WriteLine(foreign.ToString());
    }

    /// <summary>In QEMU a write that was never flushed may then read as zeroes: neither old nor new.</summary>
    [Fact]
    public void An_entry_is_never_stable_before_the_data_that_it_points_to()
    {
        WorkloadStep[] steps = [WorkloadStep.AllocatingWrite, WorkloadStep.AllocatingWrite];
        Assert.Empty(Explore("backing", All, steps));
        CrashFinding zeroes = Explore("backing", All & ~OrderingRules.StableBeforeLinks, steps)
            .First(static finding => finding.Text.StartsWith("the disk shows 0 in sector", StringComparison.Ordinal));
        log.WriteLine(zeroes.ToString());
    }

    /// <summary>QEMU goes on packing compressed data into a cluster that was freed and is in use again.</summary>
    [Fact]
    public void Compressed_data_is_never_packed_into_a_cluster_that_was_freed_and_reused()
    {
        Assert.Null(Pack(All));
        string? finding = Pack(All & ~(OrderingRules.PackingEndsWithCluster | OrderingRules.UnlinkBeforeReuse));
        log.WriteLine(finding ?? "");
        Assert.NotNull(finding);

        static string? Pack(OrderingRules rules)
        {
            DiskSession session = DiskSession.Open(
                DiskStart.Make(Configurations.ByName("shared-backing")), new SessionSettings { Rules = rules });
            Synchronous.Run(session.WriteAsync(100, 2, compressed: true));
            Synchronous.Run(session.DiscardAsync(100, 2));
            Synchronous.Run(session.FlushAsync());
            Synchronous.Run(session.WriteAsync(102, 2, compressed: false));
            Synchronous.Run(session.WriteAsync(104, 2, compressed: true));
            Synchronous.Run(session.FlushAsync());
            return Synchronous.Run(session.ReadAsync(0, session.Current.Length));
        }
    }

    /// <summary>Compressed data that waits in memory must not be written into its cluster's next use.</summary>
    [Fact]
    public void Compressed_data_that_was_freed_is_never_written_late()
    {
        Assert.Null(Overtake(All));
        Assert.Null(Overtake(All & ~OrderingRules.UnlinkBeforeReuse));
        string? finding = Overtake(All & ~(OrderingRules.GatheringEndsWithCluster | OrderingRules.UnlinkBeforeReuse));
        log.WriteLine(finding ?? "");
        Assert.NotNull(finding);

        static string? Overtake(OrderingRules rules)
        {
            DiskSession session = DiskSession.Open(
                DiskStart.Make(Configurations.ByName("discards")), new SessionSettings { Rules = rules });
            Synchronous.Run(session.WriteAsync(100, 2, compressed: true));
            Synchronous.Run(session.DiscardAsync(100, 2));
            Synchronous.Run(session.WriteAsync(102, 2, compressed: false));
            Synchronous.Run(session.WriteAsync(104, 2, compressed: false));
            Synchronous.Run(session.FlushAsync());
            return Synchronous.Run(session.ReadAsync(0, session.Current.Length));
        }
    }

    private static IReadOnlyCollection<CrashFinding> Explore(
        string configuration, OrderingRules rules, params WorkloadStep[] steps)
    {
        var tally = new CrashTally();
        var explorer = new CrashExplorer(
            DiskStart.Make(Configurations.ByName(configuration)), new SessionSettings { Rules = rules }, tally)
        {
            MaxFindings = int.MaxValue,
        };
        Assert.True(explorer.Explore(steps));
        return tally.Findings;
    }
}
