using System.Globalization;
using Byre.Cli.Shared;
using Byre.Nbd.Client;

namespace Byre.Cli.QemuNbd;

/// <summary>Prints what a server offers, as qemu-nbd does. Stateless.</summary>
internal static class ExportListPrinter
{
    private static readonly string?[] FlagNames =
    [
        null, "readonly", "flush", "fua", "rotational", "trim", "zeroes", "df", "multi", "resize", "cache", "fast-zero",
        "block-status-payload",
    ];

    public static void Print(StandardOutput output, IReadOnlyList<NbdExportInfo> exports)
    {
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"exports available: {exports.Count}"));
        foreach (NbdExportInfo export in exports)
            Print(output, export);
    }

    private static void Print(StandardOutput output, NbdExportInfo export)
    {
        output.WriteLine($" export: '{export.Name}'");
        if (export.Description.Length > 0)
            output.WriteLine($"  description: {export.Description}");
        int flags = (int)export.Flags;
        if ((flags & 1) != 0)
        {
            output.WriteLine($"  size:  {export.LengthBytes}");
            var names = FlagNames.Where((name, bit) => name is not null && (flags & (1 << bit)) != 0);
            output.WriteLine($"  flags: 0x{flags:x} ( {string.Join(' ', names)} )");
        }

        if (export.MinimumBytes > 0)
        {
            output.WriteLine($"  min block: {export.MinimumBytes}");
            output.WriteLine($"  opt block: {export.PreferredBytes}");
            output.WriteLine($"  max block: {export.MaximumBytes}");
        }

        output.WriteLine($"  transaction size: {(export.HasLongRequests ? "64-bit" : "32-bit")}");
        if (export.Contexts.Count == 0)
            return;
        output.WriteLine($"  available meta contexts: {export.Contexts.Count}");
        foreach (string context in export.Contexts)
            output.WriteLine($"   {context}");
    }
}
