using Byre.Block.Errors;
using Byre.Block.Requests;
using Byre.Qcow2.Create;
using Byre.Qcow2.Tests.WriteCache;

namespace Byre.Qcow2.Tests.Io;

/// <summary>
/// A write into a subcluster of a cluster that is there already fills the rest of the subcluster with zeroes, unless
/// they are there because nobody ever wrote them.
/// </summary>
public sealed class BlankSubclusterTests
{
    private const int Cluster = 65536;
    private const int Subcluster = Cluster / 32;
    private const int Sector = 512;

    [Fact]
    public void WhatWasNeverWrittenIsNotZeroed()
    {
        using EngineHarness image = Create();
        RecordingNode file = Reopen(image);
        for (int subcluster = 0; subcluster < 32; subcluster += 3)
            image.Write((subcluster * Subcluster) + Sector, Sector, 1);
        Assert.All(file.Writes, static write => Assert.Equal(Sector, write.Length));
        image.End();
    }

    /// <summary>What the file held when it was opened is not known to be zeroes.</summary>
    [Fact]
    public void AClusterOfBeforeIsZeroed()
    {
        using EngineHarness image = Create();
        image.Write(0, Sector, 1);
        RecordingNode file = Reopen(image);
        image.Write((5 * Subcluster) + Sector, Sector, 2);
        Assert.Equal(Subcluster, Assert.Single(file.Writes).Length);
        image.End();
    }

    public static TheoryData<string> WaysToForget => ["discard", "zeroes", "all discarded", "all zeroed"];

    /// <summary>What was written and is no longer stored leaves its bytes in the file.</summary>
    [Theory]
    [MemberData(nameof(WaysToForget))]
    public void WhatIsNoLongerStoredIsZeroed(string way)
    {
        using EngineHarness image = Create();
        image.Write(0, 4 * Subcluster, 1);
        ByteRange range = way.StartsWith("all", StringComparison.Ordinal)
            ? new ByteRange(0, Cluster)
            : new ByteRange(Subcluster, Subcluster);
        EngineHarness.Run(way.Contains("discard", StringComparison.Ordinal)
            ? image.Node.DiscardAsync(range)
            : image.Node.WriteZeroesAsync(range, RequestFlags.None));
        image.Expected.AsSpan((int)range.Offset, (int)range.Length).Clear();
        image.Verify(way);
        image.Write(Subcluster + Sector, Sector, 2);
        image.End();
    }

    /// <summary>Nobody knows what a failed write has left.</summary>
    [Fact]
    public void AfterAFailedWriteItIsZeroed()
    {
        using EngineHarness image = Create();
        var file = new FaultyNode(image.File);
        image.Close();
        image.Open(file);
        image.Write(0, Sector, 1);
        long host = EngineHarness.Run(image.Node.GetStatusAsync(new ByteRange(0, 1))).HostOffset;
        byte[] garbage = new byte[Subcluster];
        garbage.AsSpan().Fill(0xaa);
        file.FailAfter = 1;
        Assert.Throws<BlockException>(
            () => EngineHarness.Run(image.Node.WriteAsync(3 * Subcluster, garbage.AsMemory(0, Sector))));
        EngineHarness.Run(image.File.WriteAsync(host + (3 * Subcluster), garbage));
        image.Verify("after the failure");
        image.Write((3 * Subcluster) + Sector, Sector, 2);
        image.End();
    }

    /// <summary>A cluster that is used again is not what it was the first time.</summary>
    [Fact]
    public void AClusterThatIsUsedAgainIsZeroed()
    {
        using EngineHarness image = Create();
        image.Write(0, Cluster, 1);
        EngineHarness.Run(image.Node.DiscardAsync(new ByteRange(0, Cluster)));
        image.Expected.AsSpan(0, Cluster).Clear();
        EngineHarness.Run(image.Node.FlushAsync());
        EngineHarness.Run(image.Node.FlushAsync());
        for (int cluster = 0; cluster < 4; cluster++)
        {
            for (int subcluster = 0; subcluster < 32; subcluster += 5)
                image.Write((cluster * Cluster) + (subcluster * Subcluster) + Sector, Sector, 3);
        }

        image.End();
    }

    private static EngineHarness Create()
    {
        var image = new EngineHarness(
            new Qcow2CreateOptions { SizeBytes = 8 * Cluster, ClusterSizeBytes = Cluster, ExtendedL2 = true });
        image.Create();
        image.Open();
        return image;
    }

    private static RecordingNode Reopen(EngineHarness image)
    {
        // With an L2 table of its own: no other write is in the way.
        image.Write(7 * Cluster, Sector, 1);
        image.Close();
        var file = new RecordingNode(image.File, alignmentBytes: 1);
        image.Open(file);
        return file;
    }
}
