using System.Diagnostics;
using Xunit.Abstractions;

namespace Byre.Tidy.Tests;

/// <summary>The benchmark harness works: its own tests pass, and every suite can be listed.</summary>
public sealed class BenchTests(ITestOutputHelper output)
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(1);

    [Theory]
    [InlineData("-m", "unittest", "discover", "-s", "bench/tests")]
    [InlineData("bench/run", "--list")]
    public async Task The_harness_works(params string[] arguments)
    {
        string[] folders = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':');
        if (!folders.Any(folder => File.Exists(Path.Combine(folder, "python3"))))
        {
            Assert.NotEqual("true", Environment.GetEnvironmentVariable("CI"));
            output.WriteLine("skipped: python3 is not in PATH");
            return;
        }

        var start = new ProcessStartInfo("python3", ["-B", .. arguments])
        {
            WorkingDirectory = Repository.Root,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using Process process = Process.Start(start)!;
        using var limit = new CancellationTokenSource(Limit);
        Task<string> printed = process.StandardOutput.ReadToEndAsync(limit.Token);
        Task<string> errors = process.StandardError.ReadToEndAsync(limit.Token);
        await process.WaitForExitAsync(limit.Token);
        Assert.True(process.ExitCode == 0, await printed + await errors);
    }
}
