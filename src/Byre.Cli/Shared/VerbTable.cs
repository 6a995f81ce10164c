using Byre.Cli.Demo;
using Byre.Cli.Inspect;
using Byre.Cli.QemuImg;
using Byre.Cli.Serve;

namespace Byre.Cli.Shared;

/// <summary>Which verbs there are. Verbs are made on demand: the cost of starting one is its own alone.</summary>
internal static class VerbTable
{
    /// <summary>The verb called <paramref name="name"/>; null where there is none.</summary>
    public static Verb? Find(string name) => name switch
    {
        "check" => new CheckCommand(),
        "compare" => new CompareCommand(),
        "convert" => new ConvertCommand(),
        "create" => new CreateCommand(),
        "dd" => new DdCommand(),
        "demo" => new DemoCommand(),
        "info" => new InfoCommand(),
        "inspect" => new InspectCommand(),
        "map" => new MapCommand(),
        "measure" => new MeasureCommand(),
        "rebase" => new RebaseCommand(),
        "resize" => new ResizeCommand(),
        "serve" => new ServeCommand(),
        "snapshot" => new SnapshotCommand(),
        _ => null,
    };
}
