using Byre.Conformance.Tests.Differential;
using Byre.Conformance.Tests.Tools;
using Xunit.Abstractions;

namespace Byre.Conformance.Tests;

/// <summary>Every option of the metadata caches, in and out of its range: ours says what QEMU says.</summary>
public sealed class CacheOptionTests(ITestOutputHelper log)
{
    /// <summary>Sizes that a machine may have the memory for are left out: there both are right.</summary>
    private static readonly string[] s_options =
    [
        "l2-cache-entry-size=33k", "l2-cache-entry-size=256", "l2-cache-entry-size=128k", "l2-cache-entry-size=0",
        "l2-cache-entry-size=x", "l2-cache-entry-size=-1", "l2-cache-entry-size=512", "l2-cache-entry-size=64k",
        "l2-cache-size=x", "l2-cache-size=-1", "l2-cache-size=0", "l2-cache-size=1", "l2-cache-size=8E",
        "l2-cache-size=16E", "l2-cache-size=99999999999999999999", "l2-cache-size=,",
        "cache-size=1M,l2-cache-size=2M", "cache-size=1M,refcount-cache-size=2M",
        "cache-size=1M,l2-cache-size=64k,refcount-cache-size=64k", "cache-size=2M,l2-cache-size=1M",
        "cache-size=0", "cache-size=8E", "cache-size=1E", "cache-size=100T", "cache-size=15.99E",
        "refcount-cache-size=0", "refcount-cache-size=1", "refcount-cache-size=100T", "refcount-cache-size=127T",
        "refcount-cache-size=128T", "refcount-cache-size=1E", "refcount-cache-size=x", "refcount-cache-size=-5",
        "cache-clean-interval=-1", "cache-clean-interval=0", "cache-clean-interval=4294967295",
        "cache-clean-interval=4294967296", "cache-clean-interval=x", "cache-clean-interval=1k",
        "cache-clean-interval=1.5", "cache-clean-interval=99999999999999999999",
    ];

    [Fact]
    public void Cache_options_are_refused_and_taken_as_by_the_peer()
    {
        if (ToolFinder.Peer is not { } peer || !PeerFeatures.Of(peer).SpeaksAlike)
        {
            log.WriteLine("skipped: QEMU 10's tools are not in PATH");
            return;
        }

        using var directory = new WorkDirectory();
        peer.Image(directory.Path, "create", "-q", "-f", "qcow2", "t.qcow2", "64M");
        peer.Image(directory.Path, "create", "-q", "-f", "qcow2", "-o", "cluster_size=512", "small.qcow2", "16M");
        peer.Image(directory.Path, "create", "-q", "-f", "qcow2", "-o", "cluster_size=2M", "large.qcow2", "63T");
        Assert.All(s_options, option => Compare("t.qcow2", option));
        Compare("small.qcow2", "l2-cache-entry-size=1k");
        Compare("small.qcow2", "refcount-cache-size=1T");
        Compare("large.qcow2", "l2-cache-size=1T,l2-cache-entry-size=512");

        void Compare(string image, string options)
        {
            string[] arguments =
                ["--image-opts", "-c", "read 0 512", $"driver=qcow2,file.filename={image},{options}"];
            Assert.Equal(Said(peer.Io(directory.Path, arguments)), Said(ToolFinder.Ours.Io(directory.Path, arguments)));
        }
    }

    /// <summary>Everything but how long the read took.</summary>
    private static string Said(ToolResult result) =>
        string.Join('\n', result.ToString().Split('\n').Where(static line => !line.Contains(" ops; ")));
}
