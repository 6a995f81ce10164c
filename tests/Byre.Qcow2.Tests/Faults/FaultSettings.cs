using System.Globalization;

namespace Byre.Qcow2.Tests.Faults;

/// <summary>What the environment asks of the injected faults.</summary>
internal static class FaultSettings
{
    /// <summary>BYRE_SEED: chooses which of all combinations are tried.</summary>
    public static int Seed { get; } = Read("BYRE_SEED", 1);

    /// <summary>With BYRE_SOAK_SECONDS all combinations are tried.</summary>
    public static bool Everything { get; } = Read("BYRE_SOAK_SECONDS", 0) > 0;

    private static int Read(string name, int otherwise) =>
        int.TryParse(Environment.GetEnvironmentVariable(name), CultureInfo.InvariantCulture, out int value)
            ? value
            : otherwise;
}
