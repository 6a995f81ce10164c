using System.Diagnostics;
using System.Runtime.CompilerServices;

namespace Byre.Cli.Tests.Transcripts;

/// <summary>
/// Replays recorded sessions of QEMU's tools with our program and compares output, errors and exit status, byte for byte.
/// </summary>
public sealed class TranscriptTests
{
    public static TheoryData<string> Names => new("create", "usage", "info", "map", "snapshot", "check");

    [Theory]
    [MemberData(nameof(Names))]
    public async Task Replays(string name)
    {
        string folder = Path.Combine(RepositoryRoot(), "fixtures", "transcripts");
        string file = Path.Combine(folder, name + ".txt");
        using var programs = new ProgramLinks();
        var start = new ProcessStartInfo("bash", [Path.Combine(folder, "replay"), programs.Folder, file])
        {
            RedirectStandardOutput = true,
        };
        using Process process = Process.Start(start)!;
        string actual = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        Assert.Equal(await File.ReadAllTextAsync(file), actual);
    }

    private static string RepositoryRoot([CallerFilePath] string here = "") =>
        Path.GetFullPath(Path.Combine(Path.GetDirectoryName(here)!, "..", "..", ".."));
}
