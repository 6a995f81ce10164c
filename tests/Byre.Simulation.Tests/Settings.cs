using System.Diagnostics;
using System.Globalization;
using Byre.Simulation.Workloads;

namespace Byre.Simulation.Tests;

/// <summary>What the environment says of seeds and budgets; see docs/testing.md.</summary>
internal static class Settings
{
    /// <summary>The seed of everything random.</summary>
    public static int Seed => Read("BYRE_SEED", 20260801);

    /// <summary>How many cases to run at most.</summary>
    public static int MaxCases => Read("BYRE_CASES", int.MaxValue);

    /// <summary>True where there is more time than a normal run takes.</summary>
    public static bool IsSoak => Read("BYRE_SOAK_SECONDS", 0) > 0;

    /// <summary>True where BYRE_CONFIGURATIONS names those that are wanted, with commas between.</summary>
    public static bool IsChosen => Environment.GetEnvironmentVariable("BYRE_CONFIGURATIONS") is not null;

    /// <summary>Those of them that are wanted.</summary>
    public static IReadOnlyList<DiskConfiguration> Choose(IEnumerable<DiskConfiguration> configurations)
    {
        string[]? names = Environment.GetEnvironmentVariable("BYRE_CONFIGURATIONS")?.Split(',');
        return [.. configurations.Where(one => names is null || names.Contains(one.Name))];
    }

    /// <summary>The time of a suite: its part of a soak, or what it takes normally.</summary>
    public static TimeSpan Share(int seconds, double part = 0.45) =>
        TimeSpan.FromSeconds(Math.Max(seconds, Read("BYRE_SOAK_SECONDS", 0) * part));

    /// <summary>
    /// Runs consecutive seeds from <see cref="Seed"/> on, on every processor, until the time or the cases are used up
    /// or <paramref name="isDone"/>.
    /// </summary>
    public static void ForEachSeed(TimeSpan budget, Func<bool> isDone, Action<int> run)
    {
        long started = Stopwatch.GetTimestamp();
        int next = -1;
        Parallel.For(0, Environment.ProcessorCount, _ =>
        {
            int number;
            while ((number = Interlocked.Increment(ref next)) < MaxCases &&
                   Stopwatch.GetElapsedTime(started) < budget && !isDone())
                run(Seed + number);
        });
    }

    private static int Read(string name, int otherwise) =>
        int.TryParse(Environment.GetEnvironmentVariable(name), CultureInfo.InvariantCulture, out int value)
            ? value : otherwise;
}
