using System.Diagnostics;

namespace Byre.Qcow2.Tests.Layout;

/// <summary>
/// Runs QEMU's tools in a temporary directory of the test's own. Without the tools tests return early, except in CI,
/// where they fail.
/// </summary>
internal sealed class Peer : IDisposable
{
    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("byre-peer-");

    /// <summary>Why tests that need the tools are skipped; null where they run. In CI they always run, and fail
    /// without.</summary>
    public static string? SkipReason { get; } = Find();

    public string Path(string name) => System.IO.Path.Combine(_directory.FullName, name);

    /// <summary>Runs qemu-img in the directory; it must succeed.</summary>
    public string Image(params string[] arguments)
    {
        (int code, string output, string error) = TryImage(arguments);
        Assert.True(code == 0, $"qemu-img {string.Join(' ', arguments)}: {error}");
        return output;
    }

    /// <summary>Runs qemu-img in the directory.</summary>
    public (int ExitCode, string Output, string Error) TryImage(params string[] arguments) =>
        Run("qemu-img", arguments);

    /// <summary>Runs qemu-io in the directory; it must succeed.</summary>
    public string Io(params string[] arguments)
    {
        (int code, string output, string error) = Run("qemu-io", arguments);
        Assert.True(code == 0, $"qemu-io {string.Join(' ', arguments)}: {error}");
        return output;
    }

    public byte[] Read(string name) => File.ReadAllBytes(Path(name));

    public void Dispose() => _directory.Delete(recursive: true);

    private static string? Find()
    {
        string[] directories = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':');
        bool isThere = directories.Any(directory => File.Exists(System.IO.Path.Combine(directory, "qemu-img")));
        bool isCi = Environment.GetEnvironmentVariable("CI") == "true";
        return isThere || isCi ? null : "qemu-img is not in PATH";
    }

    private (int ExitCode, string Output, string Error) Run(string program, string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            WorkingDirectory = _directory.FullName,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using Process process = Process.Start(start)!;
        Task<string> error = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, output, error.GetAwaiter().GetResult());
    }
}
