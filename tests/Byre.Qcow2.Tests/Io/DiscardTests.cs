using Byre.Block.Graph;
using Byre.Block.Requests;
using Byre.Qcow2.Create;
using Byre.Qcow2.Metadata;

namespace Byre.Qcow2.Tests.Io;

/// <summary>Discards: what they give back, and whose data they leave alone.</summary>
public sealed class DiscardTests
{
    private const int Cluster = 16 << 10;
    private const int Subcluster = Cluster / 32;

    /// <summary>
    /// A discarded cluster that keeps its place in the file (discard-no-unref) was discarded in the file as well: where
    /// a snapshot shared it, the snapshot lost its data.
    /// </summary>
    [Theory]
    [InlineData(false, false)]
    [InlineData(false, true)]
    [InlineData(true, false)]
    [InlineData(true, true)]
    public void A_discard_in_place_leaves_a_snapshot_its_data(bool extended, bool byZeroes)
    {
        using EngineHarness image = Open(extended, backing: false, inPlace: true);
        image.Write(0, Cluster, 7);
        byte[] before = [.. image.Expected];
        EngineHarness.Run(image.Node.CreateSnapshotAsync(new SnapshotInfo("", "s")));

        var range = new ByteRange(0, Cluster);
        EngineHarness.Run(byZeroes
            ? image.Node.WriteZeroesAsync(range, RequestFlags.MayUnmap)
            : image.Node.DiscardAsync(range));
        image.Expected.AsSpan(0, Cluster).Clear();
        image.Verify("discarded");
        EngineHarness.Run(image.Node.ApplySnapshotAsync("s"));
        image.Expected = before;
        image.Verify("the snapshot");
        Close(image);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_part_of_a_cluster_is_discarded_by_its_subclusters(bool backing)
    {
        using EngineHarness image = Open(extended: true, backing, inPlace: false);
        image.Write(0, 3 * Cluster, 7);
        for (int first = 0; first < 32; first += 5)
            Discard(image, first * Subcluster, 2 * Subcluster);
        Discard(image, (2 * Cluster) - (3 * Subcluster), 7 * Subcluster);
        image.Verify("discarded");
        Close(image);
    }

    [Fact]
    public void The_last_subcluster_that_goes_frees_the_cluster()
    {
        using EngineHarness image = Open(extended: true, backing: false, inPlace: false);
        image.Write(0, Cluster, 7);
        long full = Allocated(image);
        for (int first = 0; first < 32; first++)
        {
            Assert.Equal(full, Allocated(image));
            Discard(image, first * Subcluster, Subcluster);
        }

        Assert.Equal(full - Cluster, Allocated(image));
        image.Verify("discarded");
        Close(image);
    }

    [Fact]
    public void A_part_that_is_no_subcluster_and_a_part_of_a_compressed_cluster_stay()
    {
        using EngineHarness image = Open(extended: true, backing: false, inPlace: false);
        image.Write(Cluster, Cluster, 7);
        image.Expected.AsSpan(0, Cluster).Fill(8);
        EngineHarness.Run(image.Node.WriteAsync(0, image.Expected.AsMemory(0, Cluster), RequestFlags.Compressed));
        EngineHarness.Run(image.Node.DiscardAsync(new ByteRange(Subcluster, Subcluster)));
        EngineHarness.Run(image.Node.DiscardAsync(new ByteRange(Cluster + 1, Subcluster)));
        image.Verify("discarded");
        Close(image);
    }

    private static EngineHarness Open(bool extended, bool backing, bool inPlace)
    {
        byte[] below = new byte[5 * Cluster];
        below.AsSpan().Fill(0xbb);
        var options = new Qcow2CreateOptions
        {
            SizeBytes = 5 * Cluster,
            ClusterSizeBytes = Cluster,
            ExtendedL2 = extended,
        };
        var image = new EngineHarness(options, backing ? below : null)
        {
            Adjust = settings => settings with { DiscardNoUnref = inPlace, PassDiscardRequest = true },
        };
        image.Create();
        image.Open();
        return image;
    }

    private static void Discard(EngineHarness image, int offset, int length)
    {
        EngineHarness.Run(image.Node.DiscardAsync(new ByteRange(offset, length)));
        image.Expected.AsSpan(offset, length).Clear();
    }

    private static long Allocated(EngineHarness image)
    {
        long bytes = 0;
        using MetadataScope scope = image.Node.Tables.Lock.Enter();
        Assert.True(image.Node.Tables.Map.TryFindSlot(scope, default, out L2Slot slot, out _));
        if (image.Node.Tables.Map.Read(scope, slot).Offset.Value != 0)
            bytes += Cluster;
        return bytes;
    }

    private static void Close(EngineHarness image)
    {
        image.Close();
        image.Check("closed");
    }
}
