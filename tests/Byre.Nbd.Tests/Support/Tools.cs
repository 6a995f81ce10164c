using System.Diagnostics;

namespace Byre.Nbd.Tests.Support;

/// <summary>Other people's NBD programs.</summary>
internal static class Tools
{
    public static bool Exists(string program)
    {
        string[] directories = $"{Environment.GetEnvironmentVariable("PATH")}:/usr/sbin:/sbin".Split(':');
        return Array.Exists(directories, directory => File.Exists(Path.Combine(directory, program)));
    }

    /// <summary>Runs a program; fails where it takes longer than 20 seconds.</summary>
    public static (int ExitCode, string Output) Run(string program, params string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        // The system's Python has the system's libnbd, whatever other Python comes first.
        start.Environment["PATH"] = "/usr/bin:/bin:" + Environment.GetEnvironmentVariable("PATH");
        using Process process = Process.Start(start)!;
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        Task<string> errors = process.StandardError.ReadToEndAsync();
        if (!process.WaitForExit(20_000))
        {
            process.Kill(entireProcessTree: true);
            Assert.Fail($"{program} {string.Join(' ', arguments)} hangs");
        }

        return (process.ExitCode, output.Result + errors.Result);
    }

    /// <summary>As <see cref="Run"/>, for a program that must succeed.</summary>
    public static string Check(string program, params string[] arguments)
    {
        (int exitCode, string output) = Run(program, arguments);
        Assert.True(exitCode == 0, $"{program} {string.Join(' ', arguments)}: exit status {exitCode}\n{output}");
        return output;
    }
}
