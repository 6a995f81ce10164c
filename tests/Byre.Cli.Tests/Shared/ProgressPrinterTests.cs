using Byre.Cli.Shared;

namespace Byre.Cli.Tests.Shared;

public sealed class ProgressPrinterTests
{
    [Fact]
    public void Prints_zero_and_hundred_and_every_step_beyond_the_least()
    {
        string text = Run(ProgressMode.Line, 1f, printer =>
        {
            foreach (float percent in new[] { 0f, 0.5f, 1f, 1.5f, 2f, 50f, 49.5f, 48f, 100f, 100f })
                printer.Print(percent);
        });
        string[] expected = ["0.00", "1.50", "50.00", "48.00", "100.00", "100.00"];
        Assert.Equal(string.Concat(expected.Select(value => $"    ({value}/100%)\r")) + "\n", text);
    }

    [Fact]
    public void Advances_by_shares_and_stops_at_hundred()
    {
        string text = Run(ProgressMode.Line, 0f, printer =>
        {
            printer.Advance(50, 80);
            printer.Advance(100, 80);
        });
        Assert.Equal("    (40.00/100%)\r    (100.00/100%)\r\n", text);
    }

    [Fact]
    public void Json_tells_bytes_and_rate()
    {
        string text = Run(ProgressMode.Json, 0f, printer =>
        {
            printer.Report(0, 200);
            printer.Report(200, 200);
        });
        string[] lines = text.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(2, lines.Length);
        const string First =
            "{\"phase\": \"test\", \"percent\": 0.00, \"done\": 0, \"rate\": 0, \"total\": 200, \"eta\": null}";
        const string Last = "{\"phase\": \"test\", \"percent\": 100.00, \"done\": 200, \"rate\": ";
        Assert.Equal(First, lines[0]);
        Assert.StartsWith(Last, lines[1], StringComparison.Ordinal);
        Assert.EndsWith("\"total\": 200, \"eta\": 0.0}", lines[1], StringComparison.Ordinal);
    }

    [Fact]
    public void Silence_is_silent() =>
        Assert.Equal("", Run(ProgressMode.Silent, 0f, printer => printer.Print(50)));

    private static string Run(ProgressMode mode, float leastStep, Action<ProgressPrinter> work)
    {
        string file = Path.GetTempFileName();
        try
        {
            using (FileStream stream = File.OpenWrite(file))
            {
                var output = new StandardOutput((int)stream.SafeFileHandle.DangerousGetHandle(), OutputBuffering.Block);
                var context = new ProgramContext("test", output, output);
                using var printer = new ProgressPrinter(context, mode, leastStep, "test");
                work(printer);
                printer.End();
                output.Flush();
            }

            return File.ReadAllText(file);
        }
        finally
        {
            File.Delete(file);
        }
    }
}
