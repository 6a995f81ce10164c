using System.Diagnostics;

namespace Byre.Cli.Tests.Transcripts;

/// <summary>The launcher at the root of the repository, and the first command a new user types.</summary>
public sealed class LauncherTests : IClassFixture<PublishedProgram>
{
    [Fact]
    public async Task Runs_from_any_folder_and_adds_nothing_to_the_output()
    {
        (int status, string output) = await RunAsync("--version");
        Assert.Equal(0, status);
        Assert.StartsWith("byre ", output, StringComparison.Ordinal);
        Assert.Single(output.Split('\n', StringSplitOptions.RemoveEmptyEntries));
    }

    [Fact]
    public async Task The_demonstration_succeeds()
    {
        (int status, string output) = await RunAsync("demo");
        Assert.Equal(0, status);
        Assert.Contains("no errors, no leaks", output, StringComparison.Ordinal);
        Assert.Contains("identical", output, StringComparison.Ordinal);
    }

    private static async Task<(int Status, string Output)> RunAsync(string argument)
    {
        var start = new ProcessStartInfo(Path.Combine(PublishedProgram.RepositoryRoot, "byre"), [argument])
        {
            RedirectStandardOutput = true,
            WorkingDirectory = Path.GetTempPath(),
        };
        using Process process = Process.Start(start)!;
        string output = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        return (process.ExitCode, output);
    }
}
