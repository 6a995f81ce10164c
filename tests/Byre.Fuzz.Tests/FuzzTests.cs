using System.Globalization;
using Byre.Fuzz.Engine;
using Xunit.Abstractions;

namespace Byre.Fuzz.Tests;

/// <summary>
/// So many cases, or as many as BYRE_SOAK_SECONDS allow, from BYRE_SEED on; BYRE_CASES=1 repeats the case of a seed.
/// </summary>
public sealed class FuzzTests(ITestOutputHelper output)
{
    private const int DefaultCases = 5000;

    [Fact]
    public void Hostile_input_finds_nothing()
    {
        long soak = Read("BYRE_SOAK_SECONDS", 0);
        var options = new FuzzOptions
        {
            Seed = (ulong)Read("BYRE_SEED", 1),
            Executions = Read("BYRE_CASES", soak > 0 ? long.MaxValue : DefaultCases),
            Time = soak > 0 ? TimeSpan.FromSeconds(soak) : TimeSpan.MaxValue,
            SlowLimit = TimeSpan.FromSeconds(20),
            HangLimit = TimeSpan.FromSeconds(120),
            MaxFindings = 5,
        };
        FuzzReport report = new FuzzRunner(options, output.WriteLine).Run();
        output.WriteLine($"# fuzz: {report}");
        Assert.True(report.Executions > 0 && report.Findings.Count == 0, string.Join('\n', report.Findings));
    }

    [Fact]
    public void A_case_does_the_same_every_time()
    {
        for (ulong seed = 1; seed <= 40; seed++)
        {
            FuzzCaseId id = FuzzCaseId.First(FuzzTargets.All[(int)seed % FuzzTargets.All.Count].Name, seed).Then(7);
            IFuzzTarget target = FuzzTargets.Find(id.Target);
            IReadOnlyCollection<ulong> first = target.Run(id).Features;
            Assert.Equal(first, target.Run(FuzzCaseId.Parse(id.ToString())).Features);
        }
    }

    private static long Read(string name, long otherwise) =>
        long.TryParse(
            Environment.GetEnvironmentVariable(name), NumberStyles.None, CultureInfo.InvariantCulture, out long value)
            ? value
            : otherwise;
}
