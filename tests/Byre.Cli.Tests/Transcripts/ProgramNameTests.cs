using System.Diagnostics;

namespace Byre.Cli.Tests.Transcripts;

/// <summary>The name the program is called by decides the prefix of messages, however it is called.</summary>
public sealed class ProgramNameTests : IClassFixture<PublishedProgram>
{
    [Theory]
    [InlineData("\"$BIN/qemu-img\" nosuch", "qemu-img: Command not found: nosuch")]
    [InlineData("cd \"$BIN\" && ./qemu-img nosuch", "qemu-img: Command not found: nosuch")]
    [InlineData("cd / && PATH=$BIN:$PATH qemu-img nosuch", "qemu-img: Command not found: nosuch")]
    [InlineData("\"$BIN/byre\" nosuch", "byre: Command not found: nosuch")]
    [InlineData(
        "T=$(mktemp -d) && ln -s \"$BIN/qemu-img\" $T/my-img && $T/my-img nosuch", "my-img: Command not found: nosuch")]
    public async Task Messages_begin_with_the_name_called(string command, string expected)
    {
        var start = new ProcessStartInfo("bash", ["-c", command]) { RedirectStandardError = true };
        start.Environment["BIN"] = PublishedProgram.Folder;
        using Process process = Process.Start(start)!;
        string errors = await process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync();
        Assert.Equal(expected, errors.Split('\n')[0]);
        Assert.Equal(1, process.ExitCode);
    }
}
