using Byre.Fuzz.CommandLine;
using Byre.Fuzz.Images;
using Byre.Fuzz.Network;

namespace Byre.Fuzz.Engine;

/// <summary>Everything that can be fuzzed. A new target joins here.</summary>
internal static class FuzzTargets
{
    public static IReadOnlyList<IFuzzTarget> All { get; } =
        [new ImageTarget(), new CommandLineTarget(), new NbdTarget()];

    /// <exception cref="FormatException">There is no such target.</exception>
    public static IFuzzTarget Find(string name) =>
        All.FirstOrDefault(target => target.Name == name) ?? throw new FormatException($"no such target: {name}");
}
