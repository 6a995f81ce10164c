using System.Globalization;
using Byre.Conformance.Tests.Tools;

namespace Byre.Conformance.Tests.Counts;

/// <summary>Runs our qemu-io under strace on a new image in a folder of its own, and counts system calls.</summary>
internal sealed class CallCounter : IDisposable
{
    /// <summary>Clusters of the disk; the image's files stay small because few of them are written.</summary>
    private const int DiskClusters = 256;

    public const int ClusterBytes = 65536;

    private readonly string _folder = Directory.CreateTempSubdirectory("byre-counts-").FullName;

    private CallCounter() => Image = Path.Combine(_folder, "disk.qcow2");

    /// <summary>True where strace is there and may trace.</summary>
    public static bool IsPossible { get; } = TryTrace();

    private string Image { get; }

    private string? Backing { get; set; }

    /// <summary>A new image without a backing file.</summary>
    public static CallCounter Plain(string options = "")
    {
        var counter = new CallCounter();
        counter.Create(options, ["disk.qcow2", Number((long)DiskClusters * ClusterBytes)]);
        return counter;
    }

    /// <summary>A new overlay over an image whose every cluster holds data.</summary>
    public static CallCounter Overlay(string options = "")
    {
        var counter = Plain();
        File.Move(counter.Image, counter.Backing = Path.Combine(counter._folder, "base.qcow2"));
        Succeed(ToolFinder.Ours.Io(
            counter._folder, "-f", "qcow2", "-c", $"write -q -P 7 0 {DiskClusters * ClusterBytes}", "base.qcow2"));
        counter.Create(options, ["-b", "base.qcow2", "-F", "qcow2", "disk.qcow2"]);
        return counter;
    }

    /// <summary>The offset of the i-th of scattered pages: each in a cluster of its own, not at its edges.</summary>
    public static long PageAt(int i) => ((i * 37L % DiskClusters) * ClusterBytes) + (((i % 14) + 1) * 4096L);

    /// <summary>Runs commands that are not counted.</summary>
    public CallCounter Prepare(IEnumerable<string> commands)
    {
        Succeed(ToolFinder.Ours.Io(_folder, ["-f", "qcow2", .. ToArguments(commands), "disk.qcow2"]));
        return this;
    }

    /// <summary>Runs commands and counts.</summary>
    public CallCounts Count(IEnumerable<string> commands)
    {
        string log = Path.Combine(_folder, "strace.log");
        string[] options =
        [
            "-f", "-y", "-qq", "-s", "0", "-e", "signal=none", "-e", $"trace={string.Join(',', TracedCall.Names)}",
            "-o", log,
        ];
        Succeed(ToolFinder.Ours.TracedIo(
            _folder, options,
            [
                "-f", "qcow2", "-t", "writeback", "-i", "threads", "-d", "unmap", .. ToArguments(commands),
                "disk.qcow2",
            ]));
        return CallCounts.Of(StraceLog.Parse(File.ReadLines(log)), Image, Backing);
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private static bool TryTrace()
    {
        string? strace = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':')
            .Select(folder => Path.Combine(folder, "strace")).FirstOrDefault(File.Exists);
        return strace is not null && ToolSet.Run(strace, "strace", ".", ["-o", "/dev/null", "true"]).ExitStatus == 0;
    }

    private static IEnumerable<string> ToArguments(IEnumerable<string> commands) =>
        commands.SelectMany(command => new[] { "-c", command });

    private static string Number(long value) => value.ToString(CultureInfo.InvariantCulture);

    private void Create(string options, string[] rest)
    {
        string[] format = options.Length > 0 ? ["-o", options] : [];
        Succeed(ToolFinder.Ours.Image(_folder, ["create", "-q", "-f", "qcow2", .. format, .. rest]));
    }

    private static void Succeed(ToolResult result) => Assert.True(
        result.ExitStatus == 0 && !result.Output.Contains("rror", StringComparison.Ordinal), result.ToString());
}
