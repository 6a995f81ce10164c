using System.Globalization;

namespace Byre.Durability.Tests.Support;

/// <summary>What the environment asks of the random tests.</summary>
internal static class Settings
{
    /// <summary>BYRE_SEED: where the random cases begin.</summary>
    public static int Seed { get; } = Read("BYRE_SEED", 1);

    /// <summary>BYRE_KILLS: processes to kill.</summary>
    public static int Kills { get; } = Read("BYRE_KILLS", 100);

    /// <summary>BYRE_SOAK_SECONDS: how long to go on killing, where that is more.</summary>
    public static TimeSpan Soak { get; } = TimeSpan.FromSeconds(Read("BYRE_SOAK_SECONDS", 0));

    /// <summary>BYRE_KILL_CASE: a single image's case to repeat; null for all.</summary>
    public static int? Case { get; } = Read("BYRE_KILL_CASE", -1) is var only and >= 0 ? only : null;

    /// <summary>CI=true: what is missing is a failure.</summary>
    public static bool IsContinuousIntegration { get; } = Environment.GetEnvironmentVariable("CI") == "true";

    private static int Read(string name, int otherwise) =>
        int.TryParse(
            Environment.GetEnvironmentVariable(name), NumberStyles.None, CultureInfo.InvariantCulture, out int value)
            ? value
            : otherwise;
}
