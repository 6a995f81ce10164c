using System.Diagnostics;

namespace Byre.Qcow2.Tests.Compression;

/// <summary>Programs of others that tests compare with, found in PATH.</summary>
internal static class Peer
{
    public static bool Exists(string program)
    {
        string path = Environment.GetEnvironmentVariable("PATH") ?? "";
        return path.Split(':').Any(folder => File.Exists(Path.Combine(folder, program)));
    }

    /// <summary>Runs a program to its end; its standard output. Any other exit status than 0 fails the test.</summary>
    public static async Task<string> RunAsync(string program, params string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using Process process = Process.Start(start)!;
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        string errors = await process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync();
        Assert.True(process.ExitCode == 0, $"{program} {string.Join(' ', arguments)}: {errors}{await output}");
        return await output;
    }
}
