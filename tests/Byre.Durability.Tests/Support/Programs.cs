using System.Diagnostics;

namespace Byre.Durability.Tests.Support;

/// <summary>The programs under test, and those of others.</summary>
internal static class Programs
{
    /// <summary>Ours: in the folder that BYRE_BIN names, else in artifacts/bin of the tree above.</summary>
    public static string? Byre { get; } = FindOurs();

    /// <summary>QEMU's qemu-img; null where PATH has none.</summary>
    public static string? PeerImg { get; } = FindInPath("qemu-img");

    /// <summary>Runs a program to its end.</summary>
    public static ToolResult Run(string program, params IEnumerable<string> arguments)
    {
        using Process process = Start(program, arguments, withInput: false);
        Task<string> errors = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        string complaints = errors.GetAwaiter().GetResult();
        process.WaitForExit();
        return new ToolResult(process.ExitCode, output, complaints);
    }

    /// <summary>Runs ours; any failure fails the test.</summary>
    public static string RunOurs(params IEnumerable<string> arguments)
    {
        ToolResult result = Run(Byre!, arguments);
        Assert.True(
            result.ExitCode == 0,
            $"byre {string.Join(' ', arguments)}: {result.ExitCode} {result.Output}{result.Errors}");
        return result.Output;
    }

    /// <summary>Starts a program with its streams in pipes.</summary>
    public static Process Start(string program, IEnumerable<string> arguments, bool withInput)
    {
        var start = new ProcessStartInfo(program)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            RedirectStandardInput = withInput,
            UseShellExecute = false,
        };
        // Where the runtime is not in a default place, the program's own host needs to be told.
        string runtime = Path.GetFullPath(
            Path.Combine(System.Runtime.InteropServices.RuntimeEnvironment.GetRuntimeDirectory(), "../../.."));
        start.Environment["DOTNET_ROOT"] = runtime;
        // One writer at a time on few cores: starting many compiler threads only costs.
        start.Environment["DOTNET_TieredPGO"] = "0";
        foreach (string argument in arguments)
            start.ArgumentList.Add(argument);
        return Process.Start(start)!;
    }

    public static string? FindInPath(string name) =>
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':')
            .Select(folder => Path.Combine(folder, name)).FirstOrDefault(File.Exists);

    private static string? FindOurs()
    {
        if (Environment.GetEnvironmentVariable("BYRE_BIN") is { Length: > 0 } folder)
            return Existing(Path.Combine(folder, "byre"));
        for (DirectoryInfo? up = new(AppContext.BaseDirectory); up is not null; up = up.Parent)
        {
            if (File.Exists(Path.Combine(up.FullName, "Byre.slnx")))
                return Existing(Path.Combine(up.FullName, "artifacts", "bin", "byre"));
        }

        return null;
    }

    private static string? Existing(string path) => File.Exists(path) ? path : null;
}
