using System.Diagnostics;

namespace Byre.Cli.Tests.Transcripts;

/// <summary>
/// Replays recorded sessions of QEMU's tools with our program and compares output, errors and exit status, byte for
/// byte.
/// </summary>
public sealed class TranscriptTests : IClassFixture<PublishedProgram>
{
    public static TheoryData<string> Names => new(
        "create", "usage", "info", "map", "snapshot", "check", "convert", "compare", "resize", "rebase", "dd", "io",
        "io-qcow2");

    [Theory]
    [MemberData(nameof(Names))]
    public async Task Replays(string name)
    {
        string folder = Path.Combine(PublishedProgram.RepositoryRoot, "fixtures", "transcripts");
        string file = Path.Combine(folder, name + ".txt");
        var start = new ProcessStartInfo("bash", [Path.Combine(folder, "replay"), PublishedProgram.Folder, file])
        {
            RedirectStandardOutput = true,
        };
        using Process process = Process.Start(start)!;
        string actual = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        Assert.Equal(await File.ReadAllTextAsync(file), actual);
    }
}
