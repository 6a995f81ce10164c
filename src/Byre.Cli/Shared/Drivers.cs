namespace Byre.Cli.Shared;

/// <summary>The drivers of the program.</summary>
internal static class Drivers
{
    /// <summary>Names for <c>--help</c>, sorted.</summary>
    public static IReadOnlyList<string> Names { get; } = ["file", "qcow2", "raw"];
}
