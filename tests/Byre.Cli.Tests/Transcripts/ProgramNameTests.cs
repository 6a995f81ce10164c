using System.Diagnostics;

namespace Byre.Cli.Tests.Transcripts;

/// <summary>The name the program is called by decides the prefix of messages, however it is called.</summary>
public sealed class ProgramNameTests
{
    [Theory]
    [InlineData("\"$BIN/qemu-img\" nosuch", "qemu-img: Command not found: nosuch")]
    [InlineData("cd \"$BIN\" && ./qemu-img nosuch", "qemu-img: Command not found: nosuch")]
    [InlineData("cd / && PATH=$BIN:$PATH qemu-img nosuch", "qemu-img: Command not found: nosuch")]
    [InlineData("\"$BIN/byre\" nosuch", "byre: Command not found: nosuch")]
    [InlineData("cd \"$BIN\" && ln -s qemu-img my-img && ./my-img nosuch", "my-img: Command not found: nosuch")]
    public async Task Messages_begin_with_the_name_called(string command, string expected)
    {
        using var programs = new ProgramLinks();
        var start = new ProcessStartInfo("bash", ["-c", command]) { RedirectStandardError = true };
        start.Environment["BIN"] = programs.Folder;
        using Process process = Process.Start(start)!;
        string errors = await process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync();
        Assert.Equal(expected, errors.Split('\n')[0]);
        Assert.Equal(1, process.ExitCode);
    }
}
