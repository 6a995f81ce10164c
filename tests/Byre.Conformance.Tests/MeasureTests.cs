using Byre.Conformance.Tests.Differential;
using Byre.Conformance.Tests.Tools;
using Xunit.Abstractions;

namespace Byre.Conformance.Tests;

/// <summary><c>measure</c>: ours says what QEMU says, and a copy is never larger than was said.</summary>
public sealed class MeasureTests(ITestOutputHelper log)
{
    private static readonly string[] s_targets =
    [
        "cluster_size=512", "cluster_size=2M", "extended_l2=on", "extended_l2=on,cluster_size=16k",
        "refcount_bits=1", "refcount_bits=64,cluster_size=4k", "compat=0.10", "preallocation=falloc",
        "preallocation=metadata", "backing_file=x", "compression_type=zstd", "cluster_size=3k", "nonsense=1",
    ];

    private static readonly string[][] s_sources =
    [
        ["--size", "0"], ["--size", "1"], ["--size", "513"], ["--size", "1G"], ["--size", "2P"], ["--size", "7E"],
        ["--size", "9223372036854775807"], ["-f", "qcow2", "full.qcow2"], ["-l", "s1", "full.qcow2"],
        ["-f", "raw", "raw"], ["overlay.qcow2"], ["old.qcow2"],
        ["--image-opts", "driver=qcow2,file.filename=full.qcow2"],
    ];

    private static readonly string[][] s_mistakes =
    [
        [], ["--size", "2G", "raw"], ["raw", "old.qcow2"], ["-l", "missing", "full.qcow2"],
        ["--image-opts"], ["-f", "qcow2"], ["-l", "s1"],
        ["-o", ","], ["-l", "snapshot.foo=bar"], ["--size", "-1"], ["-O", "foo", "raw"], ["missing"],
        ["-O", "blkdebug", "--size", "1"],
    ];

    [Fact]
    public void Sizes_are_those_that_the_peer_tells()
    {
        if (ToolFinder.Peer is not { } peer || !PeerFeatures.Of(peer).SpeaksAlike)
        {
            log.WriteLine("skipped: QEMU 10's tools are not in PATH");
            return;
        }

        using var directory = new WorkDirectory();
        MakeImages(directory.Path, peer);
        foreach (string[] mistake in s_mistakes)
            Compare(mistake);
        foreach (string[] source in s_sources)
        {
            Compare(["-O", "raw", .. source]);
            Compare(["-O", "qcow2", .. source]);
            Compare(["--output=json", "-O", "qcow2", .. source]);
        }

        foreach (string target in s_targets)
        {
            Compare(["-O", "qcow2", "-o", target, "--size", "1G"]);
            Compare(["-O", "qcow2", "-o", target, "full.qcow2"]);
            Compare(["-O", "qcow2", "-o", target, "overlay.qcow2"]);
        }

        void Compare(string[] arguments)
        {
            // The largest number is one byte beyond what a raw file can have; QEMU's own sum is negative.
            if (arguments.Contains("raw") && arguments.Contains("9223372036854775807"))
                return;
            arguments = ["measure", .. arguments];
            ToolResult ours = ToolFinder.Ours.Image(directory.Path, arguments);
            Assert.Equal(peer.Image(directory.Path, arguments).ToString(), ours.ToString());
        }
    }

    [Theory]
    [InlineData("cluster_size=64k")]
    [InlineData("cluster_size=512")]
    [InlineData("extended_l2=on,cluster_size=2M")]
    [InlineData("preallocation=full,cluster_size=4k")]
    public void A_copy_is_never_larger_than_was_said(string options)
    {
        using var directory = new WorkDirectory();
        MakeImages(directory.Path, ToolFinder.Ours);
        foreach (string source in (string[])["full.qcow2", "raw", "overlay.qcow2"])
        {
            string said = ToolFinder.Ours.Image(
                directory.Path, "measure", "-O", "qcow2", "-o", options, source).Output;
            long required = long.Parse(said.Split('\n')[0]["required size: ".Length..]);
            ToolFinder.Ours.Image(directory.Path, "convert", "-O", "qcow2", "-o", options, source, "copy");
            Assert.InRange(new FileInfo(Path.Combine(directory.Path, "copy")).Length, 1, required);
        }
    }

    private static void MakeImages(string folder, ToolSet tools)
    {
        tools.Image(folder, "create", "-q", "-f", "qcow2", "full.qcow2", "64M");
        tools.Io(
            folder, "-f", "qcow2", "-c", "write 512 512", "-c", "write 64k 64k", "-c", "write -z 1M 1M", "-c",
            "write -c 3M 64k", "full.qcow2");
        tools.Image(folder, "snapshot", "-c", "s1", "full.qcow2");
        tools.Io(folder, "-f", "qcow2", "-c", "write 30M 63k", "full.qcow2");
        if (tools == ToolFinder.Peer)
        {
            tools.Image(folder, "bitmap", "--add", "full.qcow2", "b0");
            tools.Image(folder, "bitmap", "--add", "-g", "4096", "full.qcow2", "a longer name");
        }

        tools.Image(folder, "create", "-q", "-f", "raw", "raw", "10000896");
        tools.Io(folder, "-f", "raw", "-c", "write 512 512", "-c", "write 64k 64k", "raw");
        tools.Image(folder, "create", "-q", "-f", "qcow2", "-b", "full.qcow2", "-F", "qcow2", "overlay.qcow2", "80M");
        tools.Io(folder, "-f", "qcow2", "-c", "write 70M 3M", "-c", "discard 64k 64k", "overlay.qcow2");
        tools.Image(folder, "create", "-q", "-f", "qcow2", "-o", "compat=0.10", "old.qcow2", "7M");
    }
}
