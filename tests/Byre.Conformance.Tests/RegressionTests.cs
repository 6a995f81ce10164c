using Byre.Conformance.Tests.Differential;
using Byre.Conformance.Tests.Programs;
using Byre.Conformance.Tests.Tools;
using Xunit.Abstractions;

namespace Byre.Conformance.Tests;

/// <summary>Programs that QEMU 10.0.2 itself fails: ours keep every byte, and QEMU's own check finds nothing.</summary>
public sealed class RegressionTests(ITestOutputHelper log)
{
    private const int Cluster = 65536;

    /// <summary>
    /// The peer goes on packing compressed data into a host cluster that was freed and has another owner by then.
    /// </summary>
    [Fact]
    public void Compressed_data_is_never_packed_into_a_cluster_that_was_freed_and_reused() => Run(
        new ImageParameters { SizeBytes = 64 << 20 },
        new WriteStep(0, Cluster, 1, WriteKind.Compressed),
        new WriteStep(0, Cluster, 2, WriteKind.Plain),
        new WriteStep(Cluster, Cluster, 3, WriteKind.Plain),
        new WriteStep(2 * Cluster, Cluster, 4, WriteKind.Compressed));

    /// <summary>The peer leaks clusters where a snapshot fails because a reference count overflows.</summary>
    [Fact]
    public void A_snapshot_that_overflows_a_reference_count_leaks_nothing() => Run(
        new ImageParameters { SizeBytes = 184 << 10, ClusterBytes = 2048, RefcountBits = 2 },
        new WriteStep(135168, 2048, 7, WriteKind.Compressed),
        new WriteStep(0, 2048, 8, WriteKind.Compressed),
        new SnapshotStep(SnapshotAction.Create, "s1"),
        new WriteStep(4096, 2048, 9, WriteKind.Plain));

    /// <summary>
    /// Zeroing a part of a cluster looked at the rest before it had the cluster to itself: a write there that was
    /// still in flight was lost.
    /// </summary>
    [Fact]
    public void Zeroes_beside_a_write_in_flight_leave_it_alone()
    {
        using var directory = new WorkDirectory();
        ToolSet ours = ToolFinder.Ours;
        for (int attempt = 0; attempt < 10; attempt++)
        {
            ours.Image(directory.Path, "create", "-q", "-f", "qcow2", "-o", "cluster_size=512", "t.qcow2", "64k");
            ToolResult result = ours.Io(
                directory.Path, "-f", "qcow2", "-t", "writeback", "-i", "io_uring",
                "-c", "aio_write -q -z 785 1112", "-c", "aio_write -q -P 152 1897 1817",
                "-c", "aio_write -q -z 3714 100", "-c", "aio_write -q -P 203 3814 1388", "-c", "aio_flush",
                "-c", "read -q -P 152 1897 1817", "-c", "read -q -P 203 3814 1388", "-c", "read -q -P 0 3714 100",
                "t.qcow2");
            Assert.Equal("", result.Output + result.Errors);
        }
    }

    private void Run(ImageParameters parameters, params GuestStep[] steps)
    {
        if (ToolFinder.Peer is not { } peer)
        {
            log.WriteLine("skipped: QEMU's tools are not in PATH");
            return;
        }

        var program = new GuestProgram(0, parameters, [steps]);
        using var directory = new WorkDirectory();
        var side = new ImageSide("byre", Path.Combine(directory.Path, "byre"), program, ToolFinder.Ours);
        foreach (string said in side.Run(steps, ToolFinder.Ours))
            log.WriteLine(said);
        var verifier = new SideVerifier(ToolFinder.Ours, peer, PeerFeatures.Of(peer));
        verifier.Verify(side, ToolFinder.Ours);
        verifier.CompareReaders(side);
    }
}
