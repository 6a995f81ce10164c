using System.Diagnostics;
using System.Globalization;
using Byre.Simulation.Crash;
using Byre.Simulation.Workloads;
using Xunit.Abstractions;

namespace Byre.Simulation.Tests;

/// <summary>
/// Workloads on simulated devices, cut off anywhere: no image that is left breaks the promise of
/// docs/crash-consistency.md. BYRE_CRASH='configuration:Step,Step' repeats one workload.
/// </summary>
public sealed class CrashExplorationTests(ITestOutputHelper log)
{
    /// <summary>The distinct images of a normal run. A change that lowers the count has lost coverage.</summary>
    private const int DistinctAtLeast = 370_000;

    /// <summary>Images of 16 KiB clusters take ten times as long: three steps are for a soak.</summary>
    private static int LengthFor(DiskConfiguration configuration) =>
        configuration.ClusterBytes > 4096 && !Settings.IsSoak ? 2 : 3;

    [Fact]
    public void No_crash_in_any_short_workload_loses_what_was_promised()
    {
        if (Environment.GetEnvironmentVariable("BYRE_CRASH") is { } repeat)
        {
            Repeat(repeat);
            return;
        }

        long started = Stopwatch.GetTimestamp();
        var sample = new PeerSample(log);
        int distinct = 0;
        long examined = 0;
        long workloads = 0;
        foreach (DiskConfiguration configuration in Settings.Choose(Configurations.All))
        {
            CrashTally tally = ExploreAll(configuration, sample);
            AssertNone(tally);
            distinct += tally.Distinct;
            examined += tally.Examined;
            workloads += tally.Workloads;
            Say($"{configuration.Name}: {tally.Workloads} workloads, {tally.Distinct} distinct images");
        }

        double seconds = Stopwatch.GetElapsedTime(started).TotalSeconds;
        Say($"# {distinct} distinct crash images ({examined} examined) of {workloads} workloads in {seconds:f0} s; " +
            $"{sample.Checked} of them checked by qemu-img");
        Assert.True(
            Settings.IsChosen || distinct >= DistinctAtLeast,
            $"{distinct} distinct images, fewer than {DistinctAtLeast}");
    }

    /// <summary>A larger image, so that the refcount table grows: one workload, fewer images.</summary>
    [Fact]
    public void No_crash_while_the_refcount_table_grows_loses_what_was_promised()
    {
        const WorkloadStep step = WorkloadStep.AllocatingWrite;
        DiskStart start = DiskStart.Make(Configurations.FullRefcountTable);
        var tally = new CrashTally();
        var explorer = new CrashExplorer(start, SessionSettings.Plain, tally)
        {
            Limits = new CrashLimits { SubsetsUpTo = 1, TearsPerWrite = 1, RandomPicks = 1 },
        };
        DiskSession session = DiskSession.Open(start, SessionSettings.Plain);
        Assert.True(new StepRunner(session).TryRun(step, 0));
        Assert.Contains(session.Log.Operations, static one => one.Purpose == "RefblockAllocWriteTable");

        Assert.True(explorer.Explore([step]));
        AssertNone(tally);
        log.WriteLine($"{tally.Distinct} distinct images");
    }

    /// <summary>Longer workloads, by a seed; and programs of random requests on images as users have them.</summary>
    [Fact]
    public void No_crash_in_a_long_program_loses_what_was_promised()
    {
        var tally = new CrashTally();
        DiskConfiguration[] all = [.. Configurations.All, .. Configurations.AsUsed];
        DiskStart[] starts = [.. Settings.Choose(all).Select(DiskStart.Make)];
        Settings.ForEachSeed(
            Settings.Share(12),
            () => tally.Findings.Count > 0,
            seed => new LongProgram(starts[seed % starts.Length], tally, seed).Run());

        Say($"# {tally.Workloads} long programs from seed {Settings.Seed}: {tally.Distinct} distinct crash images");
        AssertNone(tally);
    }

    private static CrashTally ExploreAll(DiskConfiguration configuration, PeerSample sample)
    {
        DiskStart start = DiskStart.Make(configuration);
        var tally = new CrashTally();
        for (int length = 1; length <= LengthFor(configuration); length++)
        {
            int of = length;
            Parallel.For(0, Sequences.Count(of), number =>
            {
                if (tally.Findings.Count > 4)
                    return;
                var explorer = new CrashExplorer(start, SessionSettings.Plain, tally)
                {
                    OnGood = image => sample.Offer(configuration, image),
                };
                explorer.Explore(Sequences.Get(of, number));
            });
        }

        return tally;
    }

    private void Repeat(string workload)
    {
        string[] parts = workload.Split(':');
        var tally = new CrashTally();
        var explorer = new CrashExplorer(
            DiskStart.Make(Configurations.ByName(parts[0])), SessionSettings.Plain, tally) { MaxFindings = 20 };
        Assert.True(explorer.Explore(Sequences.Parse(parts[1])));
        log.WriteLine($"{tally.Made} images");
        AssertNone(tally);
    }

    private void Say(string text) => log.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{text}"));

    private static void AssertNone(CrashTally tally) =>
        Assert.True(tally.Findings.Count == 0, string.Join('\n', tally.Findings));
}
