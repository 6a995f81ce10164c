using System.Diagnostics;
using System.Runtime.Versioning;
using System.Text;
using System.Text.RegularExpressions;

namespace Byre.Tidy.Tests;

/// <summary>
/// Runs the README: every command of its console blocks, in order, in one scratch folder, and compares what it prints
/// with what the README shows. "..." in a shown line stands for any text, a shown line that is "..." alone for any
/// lines.
/// </summary>
[SupportedOSPlatform("linux")]
public sealed class ReadmeTests : IDisposable
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(5);

    private readonly string _folder = Directory.CreateTempSubdirectory("byre-readme-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task Every_command_does_what_the_readme_shows()
    {
        // The commands say ./byre, as a reader at the root of the tree does.
        string launcher = Path.Combine(_folder, "byre");
        await File.WriteAllTextAsync(launcher, $"#!/bin/sh\nexec '{Repository.FullPath("byre")}' \"$@\"\n");
        File.SetUnixFileMode(launcher, UnixFileMode.UserRead | UnixFileMode.UserExecute);

        var findings = new Findings();
        int count = 0;
        foreach ((int line, string command, string shown) in Commands(Repository.ReadLines("README.md")))
        {
            (int status, string printed) = await RunAsync(command);
            count++;
            if (status != 0)
                findings.Add("README.md", line, $"`{command}` ends with status {status}:\n{printed}");
            else if (shown.Length > 0 && !Matches(printed, shown))
                findings.Add("README.md", line, $"`{command}` prints:\n{printed}");
        }

        findings.AssertNone();
        Assert.True(count >= 8, $"only {count} commands were found");
    }

    [Fact]
    public async Task The_sample_is_the_one_that_is_built_and_it_works()
    {
        string readme = Repository.ReadText("README.md");
        string shown = Regex.Match(readme, "```csharp\n(.*?)```", RegexOptions.Singleline).Groups[1].Value;
        Assert.Equal(Repository.ReadText("samples/FirstImage/Program.cs"), shown);

        string folder = Repository.FullPath("artifacts/bin/FirstImage");
        string sample = Directory.GetFiles(folder, "FirstImage.dll", SearchOption.AllDirectories)[0];
        (int status, string printed) = await RunAsync($"dotnet '{sample}'");
        Assert.Equal(0, status);
        Assert.Equal(
            "The page came back as written.\nThe snapshot brought it back.\nThe image is consistent.\n", printed);
    }

    [Theory]
    [InlineData("a 12 b\n", "a ... b\n", true)]
    [InlineData("a\nx\ny\nb\n", "a\n...\nb\n", true)]
    [InlineData("a\nb\n", "a\n...\nb\n", true)]
    [InlineData("a\nb\n", "...\n", true)]
    [InlineData("a\nc\n", "a\n...\nb\n", false)]
    [InlineData("a\n", "b\n", false)]
    public void Shown_output_may_leave_things_out(string printed, string shown, bool matches) =>
        Assert.Equal(matches, Matches(printed, shown));

    private static IEnumerable<(int Line, string Command, string Shown)> Commands(string[] lines)
    {
        bool isConsole = false;
        (int Line, string Command, StringBuilder Shown)? current = null;
        for (int i = 0; i < lines.Length; i++)
        {
            bool isFence = lines[i].StartsWith("```", StringComparison.Ordinal);
            bool isPrompt = isConsole && lines[i].StartsWith("$ ", StringComparison.Ordinal);
            if ((isFence || isPrompt) && current is { } done)
            {
                yield return (done.Line, done.Command, done.Shown.ToString());
                current = null;
            }

            if (isFence)
                isConsole = lines[i] == "```console";
            else if (isPrompt)
                current = (i + 1, lines[i][2..], new StringBuilder());
            else
                current?.Shown.Append(lines[i]).Append('\n');
        }
    }

    private static bool Matches(string printed, string shown)
    {
        string pattern = Regex.Escape("\n" + shown)
            .Replace(@"\n\.\.\.\n", @"\n(?:.*\n)*", StringComparison.Ordinal)
            .Replace(@"\.\.\.", ".*", StringComparison.Ordinal);
        return Regex.IsMatch("\n" + printed.TrimEnd() + "\n", $@"\A{pattern}\z");
    }

    private async Task<(int Status, string Printed)> RunAsync(string command)
    {
        var start = new ProcessStartInfo("bash", ["-c", $"{{ {command} ; }} 2>&1 < /dev/null"])
        {
            WorkingDirectory = _folder,
            RedirectStandardOutput = true,
        };
        using Process process = Process.Start(start)!;
        using var limit = new CancellationTokenSource(Limit);
        string printed = await process.StandardOutput.ReadToEndAsync(limit.Token);
        await process.WaitForExitAsync(limit.Token);
        return (process.ExitCode, printed);
    }
}
