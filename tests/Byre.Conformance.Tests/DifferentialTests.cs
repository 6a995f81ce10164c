using System.Diagnostics;
using Byre.Conformance.Tests.Differential;
using Byre.Conformance.Tests.Programs;
using Byre.Conformance.Tests.Tools;
using Xunit.Abstractions;

namespace Byre.Conformance.Tests;

/// <summary>
/// Random histories of images, run by our tools and by QEMU's: the same bytes, maps, checks and answers.
/// </summary>
public sealed class DifferentialTests(ITestOutputHelper log)
{
    private const int MaxFailures = 5;

    [Fact]
    public void Random_programs_end_alike_by_both_implementations()
    {
        if (ToolFinder.Peer is not { } peer)
        {
            log.WriteLine("skipped: QEMU's tools are not in PATH");
            return;
        }

        PeerFeatures features = PeerFeatures.Of(peer);
        var failures = new List<string>();
        long started = Stopwatch.GetTimestamp();
        int cases = 0;
        int findings = 0;
        for (; cases < SoakSettings.MaxCases && failures.Count < MaxFailures; cases++)
        {
            if (Stopwatch.GetElapsedTime(started) > SoakSettings.Duration)
                break;
            GuestProgram program = ProgramGenerator.Generate(SoakSettings.Seed + cases, features);
            if (new DifferentialCase(program, ToolFinder.Ours, peer, features).Run() is not { } divergence)
                continue;
            if (divergence.IsPeerFinding)
            {
                findings++;
                log.WriteLine($"QEMU finding, {Reproduction(program)}: {divergence.Message}");
                continue;
            }

            failures.Add(Describe(program, divergence, peer, features));
        }

        log.WriteLine(
            $"# {cases} programs from seed {SoakSettings.Seed}, {findings} findings in QEMU, "
            + $"{failures.Count} failures");
        Assert.True(failures.Count == 0, string.Join("\n", failures));
    }

    private static string Reproduction(GuestProgram program) =>
        $"BYRE_SEED={program.Seed} BYRE_CASES=1 ({program.Parameters})";

    private static string Describe(
        GuestProgram program, DivergenceException divergence, ToolSet peer, PeerFeatures features)
    {
        DivergenceException? Run(GuestProgram candidate) =>
            new DifferentialCase(candidate, ToolFinder.Ours, peer, features).Run();
        GuestProgram small = ProgramShrinker.Shrink(program, candidate => Run(candidate) is { IsPeerFinding: false });
        string message = Run(small)?.Message ?? divergence.Message;
        return $"{Reproduction(program)}\n{message}\nthe smallest program that fails:\n{small}";
    }
}
