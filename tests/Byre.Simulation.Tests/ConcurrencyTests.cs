using System.Globalization;
using Byre.Qcow2.Metadata;
using Byre.Simulation.Concurrency;
using Byre.Simulation.Crash;
using Byre.Simulation.Devices;
using Byre.Simulation.Model;
using Byre.Simulation.Workloads;
using Xunit.Abstractions;

namespace Byre.Simulation.Tests;

/// <summary>Requests of all kinds race each other under a scheduler that one seed drives.</summary>
public sealed class ConcurrencyTests(ITestOutputHelper log)
{
    private static readonly DiskConfiguration[] s_all =
        [.. Configurations.All.Where(static configuration => configuration.CanRace)];

    [Fact]
    public void Requests_that_race_each_other_and_a_power_cut_lose_nothing()
    {
        var tally = new CrashTally();
        DiskStart[] starts = [.. Settings.Choose(s_all).Select(DiskStart.Make)];
        long requests = 0;
        CrashFinding? finding = null;
        Settings.ForEachSeed(Settings.Share(15), () => finding is not null, seed =>
        {
            var run = new ConcurrentRun(starts[seed % starts.Length], SessionSettings.Plain, tally, seed);
            finding = run.Run() ?? finding;
            if (Settings.MaxCases == 1)
                Tell(run.Session!);
            Interlocked.Add(ref requests, run.Ended);
        });

        log.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"# {tally.Workloads} races from seed {Settings.Seed}, {requests} requests, " +
            $"{tally.Examined} crash images"));
        Assert.True(finding is null, $"BYRE_SEED, first number of {finding}");
    }

    /// <summary>Everything that happened in a race that is repeated.</summary>
    private void Tell(DiskSession session)
    {
        foreach (GuestOperation one in session.Disk.Operations)
            log.WriteLine($"{one.Name} [{one.StartedAt}-{one.EndedAt}]{(one.HasFailed ? " failed" : "")}");
        foreach (DeviceOperation one in session.Log.Operations)
            log.WriteLine($"{one} .. {one.CompletedAt}");
    }

    /// <summary>What the ordering of single requests cannot show: rules that matter only between two of them.</summary>
    [Theory]
    [InlineData("DataBeforeLink")]
    [InlineData("LeaseBeforeChange")]
    [InlineData("GatheringEndsWithCluster")]
    public void Races_give_away_an_engine_without(string rule)
    {
        var settings = new SessionSettings { Rules = OrderingRules.All & ~Enum.Parse<OrderingRules>(rule) };
        CrashFinding? finding = null;
        for (int seed = 0; seed < 400 && finding is null; seed++)
        {
            DiskConfiguration configuration = s_all[seed % s_all.Length];
            finding = new ConcurrentRun(DiskStart.Make(configuration), settings, new CrashTally(), seed).Run();
        }

        log.WriteLine($"{rule}: {finding}");
        Assert.NotNull(finding);
    }
}
