using System.Diagnostics;
using System.Runtime.CompilerServices;

namespace Byre.Cli.Tests.Transcripts;

/// <summary>
/// The program as it ships: published by the launcher (which does nothing where that is up to date), with its links.
/// </summary>
public sealed class PublishedProgram
{
    public PublishedProgram()
    {
        var start = new ProcessStartInfo(Path.Combine(RepositoryRoot, "byre"), ["--build"]);
        using Process process = Process.Start(start)!;
        process.WaitForExit();
        Assert.Equal(0, process.ExitCode);
    }

    /// <summary>The folder that holds src, tests and fixtures.</summary>
    public static string RepositoryRoot { get; } = FindRepositoryRoot();

    /// <summary>The folder that holds byre, qemu-img, qemu-io and qemu-nbd.</summary>
    public static string Folder => Path.Combine(RepositoryRoot, "artifacts", "bin");

    private static string FindRepositoryRoot([CallerFilePath] string here = "") =>
        Path.GetFullPath(Path.Combine(Path.GetDirectoryName(here)!, "..", "..", ".."));
}
