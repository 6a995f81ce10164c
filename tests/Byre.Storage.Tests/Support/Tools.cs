using System.Diagnostics;

namespace Byre.Storage.Tests.Support;

/// <summary>The peer's programs.</summary>
internal static class Tools
{
    /// <summary>True where the program is in PATH or where administrators keep theirs.</summary>
    public static bool Exists(string program)
    {
        string[] directories = $"{Environment.GetEnvironmentVariable("PATH")}:/usr/sbin:/sbin".Split(':');
        return Array.Exists(directories, directory => File.Exists(Path.Combine(directory, program)));
    }

    public static (int ExitCode, string Output) Run(string program, params string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using Process process = Process.Start(start)!;
        Task<string> errors = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, output + errors.Result);
    }
}
