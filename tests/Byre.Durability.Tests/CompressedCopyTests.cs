using System.Text.RegularExpressions;
using Byre.Durability.Tests.Kills;
using Byre.Durability.Tests.Support;
using Xunit.Abstractions;

namespace Byre.Durability.Tests;

/// <summary>Compressed copies to files that are opened with O_DIRECT, and what they ask of the kernel.</summary>
public sealed partial class CompressedCopyTests(ITestOutputHelper output)
{
    private const int ClusterBytes = 65536;
    private const int Clusters = 300;

    [ProgramFact]
    public void A_compressed_copy_writes_every_host_cluster_once()
    {
        if (!KilledCommand.IsPossible)
        {
            Assert.False(Settings.IsContinuousIntegration, "strace is missing, or may not trace");
            output.WriteLine("skipped: no strace, or it may not trace");
            return;
        }

        using var folder = new WorkFolder(inMemory: false);
        MakeSource(folder["source.raw"]);
        foreach (string type in (string[])["zlib", "zstd"])
        {
            string target = folder[$"{type}.qcow2"];
            string trace = folder[$"{type}.trace"];
            Programs.RunOurs(
                "create", "-q", "-f", "qcow2", "-o", $"compression_type={type}", target,
                $"{Clusters * ClusterBytes}");
            ToolResult copy = Programs.Run(
                "strace", "-f", "-o", trace, "-s", "0", "-e", "trace=pwrite64,pwritev,pread64,openat", Programs.Byre!,
                "convert", "-n", "-c", "-t", "none", "-O", "qcow2", folder["source.raw"], target);
            Assert.True(copy.ExitCode == 0, copy.Errors);
            Verify(type, target, folder["source.raw"], File.ReadAllText(trace));
        }
    }

    private void Verify(string type, string target, string source, string trace)
    {
        Assert.Contains("O_DIRECT", trace, StringComparison.Ordinal);
        Dictionary<long, int> writes = Offsets().Matches(trace)
            .GroupBy(static match => long.Parse(match.Groups[2].ValueSpan) / ClusterBytes)
            .ToDictionary(static cluster => cluster.Key, static cluster => cluster.Count());
        long[] dataClusters = [.. writes.Keys.Where(static cluster => cluster > 5)];

        // Three quarters of each cluster cannot be compressed.
        Assert.InRange(dataClusters.Length, Clusters * 3 / 4, (Clusters * 3 / 4) + 4);
        Assert.All(dataClusters, cluster => Assert.Equal(1, writes[cluster]));
        output.WriteLine($"# {type}: {dataClusters.Length} host clusters, {writes.Values.Sum()} writes");
        Programs.RunOurs("compare", target, source);
        if (Programs.PeerImg is null)
        {
            Assert.False(Settings.IsContinuousIntegration, "qemu-img is missing");
            return;
        }

        foreach (string[] arguments in (string[][])[["check", "-q", target], ["compare", "-q", target, source]])
        {
            ToolResult peer = Programs.Run(Programs.PeerImg, arguments);
            Assert.True(peer.ExitCode == 0, peer.Output + peer.Errors);
        }
    }

    private static void MakeSource(string path)
    {
        byte[] content = new byte[Clusters * ClusterBytes];
        var random = new Random(Settings.Seed);
        for (int i = 0; i < Clusters; i++)
            random.NextBytes(content.AsSpan(i * ClusterBytes, ClusterBytes * 3 / 4));
        File.WriteAllBytes(path, content);
    }

    /// <summary>A write's length and offset.</summary>
    [GeneratedRegex(@"pwrite(?:64|v)\(\d+, .*?, (\d+), (\d+)\)?")]
    private static partial Regex Offsets();
}
