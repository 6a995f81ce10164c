using Byre.Block.Errors;
using Byre.Block.Requests;
using Byre.Qcow2.Create;
using Byre.Qcow2.Tests.Metadata;
using Byre.Qcow2.Tests.WriteCache;

namespace Byre.Qcow2.Tests.Io;

/// <summary>Into which writes of the file a guest's write is cut, and how they run.</summary>
public sealed class WritePartsTests
{
    private const int Cluster = 4096;

    /// <summary>Guest clusters that are there, and those that are allocated behind them, go out together.</summary>
    [Theory]
    [InlineData(1000, 6000)]
    [InlineData(0, 3 * Cluster)]
    [InlineData(4000, 100)]
    public void PlansThatAdjoinInTheFileAreOneWrite(int offset, int bytes)
    {
        using EngineHarness image = Create(16 * Cluster);
        RecordingNode file = Reopen(image);
        image.Write(0, Cluster, 1);
        long host = HostOf(image, 0);
        int before = file.Writes.Length;
        image.Write(offset, bytes, 2);
        Assert.Equal([new ByteRange(host + offset, bytes)], file.Writes[before..]);
        image.End();
    }

    /// <summary>Not where they do not adjoin.</summary>
    [Fact]
    public void PlansThatDoNotAdjoinAreWrittenByThemselves()
    {
        using EngineHarness image = Create(16 * Cluster);
        RecordingNode file = Reopen(image);
        image.Write(Cluster, Cluster, 1);
        long host = HostOf(image, Cluster);
        int before = file.Writes.Length;
        // In the file: the middle one, the first, the last.
        image.Write(0, 3 * Cluster, 2);
        Assert.Equal(
            [host, host + Cluster, host + (2 * Cluster)],
            file.Writes[before..].Select(static write => write.Offset).Order());
        image.End();
    }

    /// <summary>Parts at different places of the file do not wait for each other.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task PartsAreInFlightTogether(bool isAllocated)
    {
        using EngineHarness image = Create(16 * Cluster);
        // Clusters in the order 7, 5, 3, 1: none follows another one in the file.
        for (int cluster = 7; cluster > 0; cluster -= 2)
            image.Write(cluster * Cluster, Cluster, 1);
        if (isAllocated)
        {
            for (int cluster = 6; cluster > 0; cluster -= 2)
                image.Write(cluster * Cluster, Cluster, 1);
        }

        EngineHarness.Run(image.Node.FlushAsync());
        var file = new GatedNode(image.File) { IsClosedForWrites = true };
        image.Close();
        image.Open(file);
        int first = isAllocated ? Cluster : 0;
        byte[] content = new byte[(8 * Cluster) - first];
        content.AsSpan().Fill(9);
        content.CopyTo(image.Expected, first);
        Task write = image.Node.WriteAsync(first, content).AsTask();
        Assert.True(file.Waiting.Count >= 7, $"{file.Waiting.Count} at once");
        Assert.False(write.IsCompleted);
        file.IsClosedForWrites = false;
        file.LetGo();
        await write.WaitAsync(TimeSpan.FromSeconds(30));
        image.End();
    }

    /// <summary>One part fails: the request does, once the others have ended.</summary>
    [Fact]
    public void AFailedPartFailsTheRequest()
    {
        using EngineHarness image = Create(16 * Cluster);
        for (int cluster = 7; cluster > 0; cluster -= 2)
            image.Write(cluster * Cluster, Cluster, 1);
        image.Close();
        var file = new FaultyNode(image.File);
        image.Open(file);
        // The slices are loaded first.
        image.Verify("before");
        byte[] content = new byte[8 * Cluster];
        content.AsSpan().Fill(9);
        for (int part = 1; part < 8; part++)
        {
            file.FailAfter = part;
            BlockException failure = Assert.Throws<BlockException>(
                () => EngineHarness.Run(image.Node.WriteAsync(0, content)));
            Assert.Equal(Errno.InputOutput, failure.Errno);
        }

        file.FailAfter = 0;
        EngineHarness.Run(image.Node.WriteAsync(0, content));
        content.CopyTo(image.Expected, 0);
        image.End();
    }

    private static EngineHarness Create(int sizeBytes)
    {
        var image = new EngineHarness(new Qcow2CreateOptions { SizeBytes = sizeBytes, ClusterSizeBytes = Cluster });
        image.Create();
        image.Open();
        return image;
    }

    private static RecordingNode Reopen(EngineHarness image)
    {
        image.Close();
        var file = new RecordingNode(image.File, alignmentBytes: 1);
        image.Open(file);
        return file;
    }

    private static long HostOf(EngineHarness image, long guest) =>
        EngineHarness.Run(image.Node.GetStatusAsync(new ByteRange(guest, 1))).HostOffset;
}
