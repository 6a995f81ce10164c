using Byre.Cli.Shared;
using Byre.Qcow2.Check;

namespace Byre.Cli.QemuImg;

/// <summary>The command line of <c>check</c>. Filled while it is read.</summary>
internal sealed class CheckArguments(ProgramContext context)
{
    public ImageArguments Images { get; } = new(context);

    /// <summary><c>-r</c>.</summary>
    public RepairMode Repair { get; set; }

    /// <summary><c>--output</c>; null for the default.</summary>
    public string? OutputName { get; set; }

    /// <summary><c>-T</c>.</summary>
    public string CacheName { get; set; } = "writeback";

    /// <summary><c>-q</c>.</summary>
    public bool Quiet { get; set; }

    /// <summary><c>--progress=json</c>.</summary>
    public bool ReportsProgress { get; set; }
}
