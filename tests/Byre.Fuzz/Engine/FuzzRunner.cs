using System.Diagnostics;

namespace Byre.Fuzz.Engine;

/// <summary>
/// Runs cases: fresh ones by counting seeds up, and mutations of those that did something new. Everything follows from
/// the first seed, but for the clock. One run; not thread-safe.
/// </summary>
internal sealed class FuzzRunner(FuzzOptions options, Action<string> print)
{
    private const int MaxKept = 20_000;

    private readonly HashSet<ulong> _signatures = [];
    private readonly List<FuzzCaseId> _kept = [];
    private readonly Dictionary<string, (FuzzCaseId Case, FuzzFinding Finding)> _findings = [];
    private readonly FuzzRandom _random = new(options.Seed);
    private readonly IFuzzTarget[] _targets = Choose(options.Target);
    private readonly SortedDictionary<string, long> _counts = new(StringComparer.Ordinal);
    private ulong _nextSeed = options.Seed;

    public FuzzReport Run()
    {
        long started = Stopwatch.GetTimestamp();
        long executions = 0;
        using var watchdog = new Watchdog(options.HangLimit, what => ReportHang(what, executions));
        while (executions < options.Executions && Stopwatch.GetElapsedTime(started) < options.Time &&
            _findings.Count < options.MaxFindings)
        {
            FuzzCaseId id = NextCase();
            watchdog.Start(id.ToString());
            FuzzResult result = RunTimed(FuzzTargets.Find(id.Target), id);
            watchdog.Stop();
            Judge(id, result);
            _counts[id.Target] = _counts.GetValueOrDefault(id.Target) + 1;
            if (++executions % 50_000 == 0)
                print($"{executions} executions, {_signatures.Count} signatures, {_findings.Count} findings");
        }

        return new FuzzReport
        {
            Executions = executions,
            ByTarget = string.Join(", ", _counts.Select(count => $"{count.Value} {count.Key}")),
            Signatures = _signatures.Count,
            Corpus = _kept.Count,
            Elapsed = Stopwatch.GetElapsedTime(started),
            Findings = [.. _findings.Values],
        };
    }

    private static IFuzzTarget[] Choose(string? name) =>
        name is null ? [.. FuzzTargets.All] : [FuzzTargets.Find(name)];

    private FuzzCaseId NextCase()
    {
        // The first case is the seed itself, so that one case repeats it.
        if (_kept.Count > 0 && _random.OneIn(2) && _nextSeed != options.Seed)
        {
            FuzzCaseId parent = _random.Pick(_kept);
            if (parent.Seeds.Length < FuzzCaseId.MaxDepth)
                return parent.Then(_random.Next64() & 0xffff_ffff);
        }

        ulong seed = _nextSeed++;
        int choice = (int)(seed % (ulong)_targets.Sum(target => target.Weight));
        foreach (IFuzzTarget target in _targets)
        {
            choice -= target.Weight;
            if (choice < 0)
                return FuzzCaseId.First(target.Name, seed);
        }

        return FuzzCaseId.First(_targets[0].Name, seed);
    }

    private void Judge(FuzzCaseId id, FuzzResult result)
    {
        bool isNew = false;
        foreach (ulong feature in result.Features)
            isNew |= _signatures.Add(feature);
        if (isNew && _kept.Count < MaxKept)
            _kept.Add(id);
        if (result.Finding is { } finding && _findings.TryAdd(finding.Key, (id, finding)))
            Report(FuzzTargets.Find(id.Target), id, finding);
    }

    private FuzzResult RunTimed(IFuzzTarget target, FuzzCaseId id)
    {
        long started = Stopwatch.GetTimestamp();
        FuzzResult result = target.Run(id);
        if (Stopwatch.GetElapsedTime(started) < options.SlowLimit)
            return result;

        // The machine may have been busy with something else: the processor's time counts.
        TimeSpan before = Environment.CpuUsage.TotalTime;
        result = target.Run(id);
        TimeSpan took = Environment.CpuUsage.TotalTime - before;
        if (took >= options.SlowLimit + result.ExtraTime)
            result.Fail("slow", $"took {took.TotalSeconds:F1} s");
        return result;
    }

    private void Report(IFuzzTarget target, FuzzCaseId id, FuzzFinding finding)
    {
        print($"FINDING {finding.Key}\n  {finding.Text.Replace("\n", "\n  ", StringComparison.Ordinal)}");
        print($"  repeat: dotnet run -c Release --project tests/Byre.Fuzz -- --case {id}");
        if (options.FindingsDirectory is not { } directory)
            return;
        Directory.CreateDirectory(directory);
        string name = $"{id.Target}-{FuzzResult.HashWords(finding.Key, 1):x16}.txt";
        string text = $"# {finding.Key}\n# {id}\n" +
            target.Minimise(id, finding);
        File.WriteAllText(Path.Combine(directory, name), text);
        print($"  written: {Path.Combine(directory, name)}");
    }

    private void ReportHang(string what, long executions)
    {
        print($"FINDING hang after {executions} executions");
        print($"  repeat: dotnet run -c Release --project tests/Byre.Fuzz -- --case {what}");
        Environment.Exit(3);
    }
}
