using System.Globalization;
using Byre.Cli.Shared;
using Spectre.Console;

namespace Byre.Cli.Demo;

/// <summary>Prints the demonstration's rows. Stateless.</summary>
internal static class DemoTable
{
    private const int WidthColumns = 110;

    public static void Print(StandardOutput output, IReadOnlyList<DemoRow> rows)
    {
        Table table = new Table().Border(TableBorder.Rounded);
        table.AddColumn("what was done");
        table.AddColumn(new TableColumn("on the host").RightAligned());
        table.AddColumn(new TableColumn("time").RightAligned());
        table.AddColumn(new TableColumn("L2 cache hits").RightAligned());
        table.AddColumn("result");
        foreach (DemoRow row in rows)
        {
            table.AddRow(
                Markup.Escape(row.What),
                row.HostBytes is { } bytes ? HumanSize.Format(bytes) : "",
                row.Elapsed.TotalMilliseconds.ToString("N0", CultureInfo.InvariantCulture) + " ms",
                row.CacheLookups is { } lookups
                    ? string.Create(CultureInfo.InvariantCulture, $"{lookups.Hits:N0} of {lookups.All:N0}")
                    : "",
                Markup.Escape(row.Remark));
        }

        var text = new StringWriter(CultureInfo.InvariantCulture);
        IAnsiConsole console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Ansi = AnsiSupport.No,
            Interactive = InteractionSupport.No,
            Out = new AnsiConsoleOutput(text),
        });
        console.Profile.Width = WidthColumns;
        console.Profile.Capabilities.Unicode = true;
        console.Write(table);
        output.Write(text.ToString());
    }
}
