using System.Diagnostics;
using System.Text.Json;
using Byre.Cli.Tests.Transcripts;

namespace Byre.Cli.Tests.Shared;

/// <summary>What images counted: at the end of a run, at the prompt; not where QEMU's tools are expected.</summary>
public sealed class StatisticsOptionTests : IClassFixture<PublishedProgram>, IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("byre-stats-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Every_image_of_a_run_tells_what_it_counted()
    {
        Create();
        foreach (string[] command in (string[][])
            [
                ["byre", "--stats", "convert", "-O", "qcow2", "a.qcow2", "b.qcow2"],
                ["byre", "convert", "--stats", "-O", "qcow2", "a.qcow2", "b.qcow2"],
            ])
        {
            (int status, string output, string errors) = Run(command);
            Assert.Equal((0, ""), (status, output));
            Assert.Contains("statistics of a.qcow2 (qcow2):\n", errors, StringComparison.Ordinal);
            Assert.Contains("statistics of b.qcow2 (qcow2):\n", errors, StringComparison.Ordinal);
            Assert.Contains("  Flushes of the file at its close.\n", errors, StringComparison.Ordinal);
        }

        foreach (string verb in (string[])["check", "info", "map"])
            Assert.Contains("statistics of a.qcow2", Run("byre", verb, "--stats", "a.qcow2").Errors);
        Assert.Contains("statistics of a", Run("byre", "io", "--stats", "-c", "read -q 0 512", "a.qcow2").Errors);
    }

    [Fact]
    public void Programs_read_json()
    {
        Create();
        (int status, string _, string errors) = Run("byre", "io", "--stats=json", "-c", "write -q 0 64k", "a.qcow2");
        Assert.Equal(0, status);
        using var document = JsonDocument.Parse(errors);
        JsonElement image = Assert.Single(document.RootElement.GetProperty("statistics").EnumerateArray());
        Assert.Equal("a.qcow2", image.GetProperty("filename").GetString());
        Assert.Equal(1, image.GetProperty("figures").GetProperty("l2_cache_write_backs").GetInt64());
    }

    [Fact]
    public void The_prompt_tells_at_once_under_our_own_name()
    {
        Create();
        Assert.Contains("statistics:\n    l2_cache_hits ", Run("byre", "io", "-c", "info", "a.qcow2").Output);
        Assert.DoesNotContain("statistics", Run("qemu-io", "-c", "info", "a.qcow2").Output);
    }

    [Fact]
    public void Wrong_uses_are_refused()
    {
        Create();
        (int status, string _, string errors) = Run("byre", "info", "--stats=xml", "a.qcow2");
        Assert.Equal(1, status);
        Assert.StartsWith("byre: --stats must be used with human or json as argument.\n", errors);
        (status, _, errors) = Run("qemu-img", "map", "--stats", "a.qcow2");
        Assert.Equal(1, status);
        Assert.Contains("unrecognized option", errors, StringComparison.Ordinal);
    }

    private void Create() => Assert.Equal(0, Run("byre", "create", "-q", "-f", "qcow2", "a.qcow2", "1M").Status);

    private (int Status, string Output, string Errors) Run(params string[] command)
    {
        var start = new ProcessStartInfo(Path.Combine(PublishedProgram.Folder, command[0]), command[1..])
        {
            WorkingDirectory = _folder,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using Process process = Process.Start(start)!;
        Task<string> errors = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, output, errors.Result);
    }
}
