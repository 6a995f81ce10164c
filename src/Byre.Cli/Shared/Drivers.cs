using Byre.Block.Formats;
using Byre.Block.Graph;

namespace Byre.Cli.Shared;

/// <summary>The drivers of the program.</summary>
internal static class Drivers
{
    /// <summary>All of them. Drivers are stateless and small; none is loaded beyond its own object.</summary>
    public static DriverRegistry CreateRegistry() => new(new RawDriver());
}
