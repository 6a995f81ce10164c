using Byre.Simulation.Crash;
using Byre.Simulation.Mutants;
using Byre.Simulation.Workloads;
using Xunit.Abstractions;

namespace Byre.Simulation.Tests;

/// <summary>The explorer is tested by engines and devices that break one rule each: it has to catch them all.</summary>
public sealed class MutantTests(ITestOutputHelper log)
{
    public static TheoryData<Mutant> All => [.. Mutant.All];

    [Theory]
    [MemberData(nameof(All))]
    public void The_explorer_catches(Mutant mutant)
    {
        CrashFinding? finding = Configurations.All
            .Select(configuration => Catch(mutant, configuration)).FirstOrDefault(found => found is not null);
        log.WriteLine($"{mutant}: {finding}");
        Assert.NotNull(finding);
    }

    private static CrashFinding? Catch(Mutant mutant, DiskConfiguration configuration)
    {
        DiskStart start = DiskStart.Make(configuration);
        var tally = new CrashTally();
        for (int length = 1; length <= 2; length++)
        {
            for (int number = 0; number < Sequences.Count(length) && tally.Findings.Count == 0; number++)
            {
                new CrashExplorer(start, mutant.Settings, tally) { IsLate = mutant.IsLate }
                    .Explore(Sequences.Get(length, number));
            }
        }

        return tally.Findings.FirstOrDefault();
    }
}
