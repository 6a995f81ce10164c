using System.Globalization;

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

    /// <summary>The time of a suite: its part of a soak, or what it takes normally.</summary>
    public static TimeSpan Share(int seconds, double part = 0.45) =>
        TimeSpan.FromSeconds(Math.Max(seconds, Read("BYRE_SOAK_SECONDS", 0) * part));

    private static int Read(string name, int otherwise) =>
        int.TryParse(Environment.GetEnvironmentVariable(name), CultureInfo.InvariantCulture, out int value)
            ? value : otherwise;
}
