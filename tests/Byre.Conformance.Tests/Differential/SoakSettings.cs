using System.Globalization;

namespace Byre.Conformance.Tests.Differential;

/// <summary>How long to look for differences, and where to begin; from the environment.</summary>
internal static class SoakSettings
{
    private const int DefaultSeconds = 20;
    private const int DefaultSeed = 1;

    /// <summary>BYRE_SOAK_SECONDS.</summary>
    public static TimeSpan Duration { get; } = TimeSpan.FromSeconds(Read("BYRE_SOAK_SECONDS", DefaultSeconds));

    /// <summary>BYRE_SEED: the first program's seed.</summary>
    public static int Seed { get; } = Read("BYRE_SEED", DefaultSeed);

    /// <summary>BYRE_CASES: at most so many programs; 1 repeats a single one.</summary>
    public static int MaxCases { get; } = Read("BYRE_CASES", int.MaxValue);

    /// <summary>BYRE_QUESTIONS: the questions whose answers are compared; all where it is not set.</summary>
    public static string Questions { get; } =
        Environment.GetEnvironmentVariable("BYRE_QUESTIONS") is { Length: > 0 } some ? some : "check,info,map,snapshot";

    private static int Read(string name, int otherwise) =>
        int.TryParse(
            Environment.GetEnvironmentVariable(name), NumberStyles.None, CultureInfo.InvariantCulture, out int value)
            ? value
            : otherwise;
}
