using Byre.Qcow2.Create;
using Byre.Qcow2.Metadata;
using Byre.Qcow2.Tests.Io;

namespace Byre.Qcow2.Tests.Metadata;

/// <summary>Requests that lack different slices wait side by side; those that lack one and the same share it.</summary>
public sealed class MissOverlapTests
{
    private const int ClusterBytes = 4096;
    private const int SliceBytes = 512;
    private const int Depth = 32;

    /// <summary>Guest bytes behind one slice.</summary>
    private const long SliceSpan = SliceBytes / 8 * (long)ClusterBytes;

    [Theory]
    [InlineData(64)]
    [InlineData(2)]
    public async Task ReadsOfDifferentSlicesLoadTogether(int cachedSlices)
    {
        using EngineHarness harness = Filled();
        GatedNode file = Reopen(harness, cachedSlices);
        Task[] reads = [.. Enumerable.Range(0, Depth).Select(i => ReadAsync(harness, i * SliceSpan))];

        // All are at the device before the first is let go.
        Assert.Equal(Depth, file.Waiting.Distinct().Count());
        file.IsClosed = false;
        file.LetGo();
        await Task.WhenAll(reads).WaitAsync(TimeSpan.FromSeconds(30));
        SliceCacheStatistics statistics = ((IMetadataCaches)harness.Node).L2Statistics;
        Assert.Equal(Depth, statistics.Misses);
        Assert.True(statistics.UsedSlices <= cachedSlices);
        harness.Close();
    }

    [Fact]
    public async Task OneLoadServesEveryoneWhoWaitsForIt()
    {
        using EngineHarness harness = Filled();
        GatedNode file = Reopen(harness, cachedSlices: 64);
        Task[] reads = [.. Enumerable.Range(0, Depth).Select(i => ReadAsync(harness, i * ClusterBytes))];
        Assert.Single(file.Waiting);
        file.IsClosed = false;
        file.LetGo();
        await Task.WhenAll(reads).WaitAsync(TimeSpan.FromSeconds(30));
        Assert.Equal(1, ((IMetadataCaches)harness.Node).L2Statistics.Misses);
        harness.Close();
    }

    [Fact]
    public async Task OverwritesOfDifferentSlicesLoadTogether()
    {
        using EngineHarness harness = Filled();
        GatedNode file = Reopen(harness, cachedSlices: 64);
        byte[] content = new byte[ClusterBytes];
        Task[] writes = [.. Enumerable.Range(0, Depth).Select(i =>
        {
            content.CopyTo(harness.Expected, i * SliceSpan);
            return harness.Node.WriteAsync(i * SliceSpan, content).AsTask();
        })];
        Assert.Equal(Depth, file.Waiting.Distinct().Count());
        file.IsClosed = false;
        file.LetGo();
        await Task.WhenAll(writes).WaitAsync(TimeSpan.FromSeconds(30));
        harness.Verify("after the overwrites");
        harness.Close();
    }

    /// <summary>
    /// A crowd of readers once pushed a small cache beyond its size for good: every later slice was forgotten at once.
    /// </summary>
    [Fact]
    public async Task ACacheThatWasCrowdedKeepsWhatItLoadsLater()
    {
        using EngineHarness harness = Filled();
        GatedNode file = Reopen(harness, cachedSlices: 4);
        Task[] reads = [.. Enumerable.Range(0, Depth).Select(i => ReadAsync(harness, i * SliceSpan))];
        file.IsClosed = false;
        file.LetGo();
        await Task.WhenAll(reads).WaitAsync(TimeSpan.FromSeconds(30));

        for (int i = 0; i < 8; i++)
            await ReadAsync(harness, (20 + (i % 2)) * SliceSpan);
        long before = ((IMetadataCaches)harness.Node).L2Statistics.Misses;
        for (int i = 0; i < 8; i++)
            await ReadAsync(harness, (20 + (i % 2)) * SliceSpan);
        Assert.Equal(before, ((IMetadataCaches)harness.Node).L2Statistics.Misses);
        harness.Close();
    }

    /// <summary>
    /// While a flush writes a cache that is dirty all over, nothing can be evicted: who only looks something up gets
    /// room beyond the limit instead of waiting for the device.
    /// </summary>
    [Fact]
    public async Task LookUpsDoNotWaitForAFlush()
    {
        using EngineHarness harness = New();
        byte[] content = new byte[ClusterBytes];
        for (int slice = 0; slice < Depth; slice++)
            await WriteAsync(harness, slice * SliceSpan, content, slice + 1);
        GatedNode file = Reopen(harness, cachedSlices: 2);
        file.IsClosed = false;
        await WriteAsync(harness, ClusterBytes, content, 100);
        await WriteAsync(harness, SliceSpan + ClusterBytes, content, 101);

        file.FlushGate = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        Task flush = harness.Node.FlushAsync().AsTask();
        for (int slice = 4; slice < 12; slice++)
            await ReadAsync(harness, slice * SliceSpan).WaitAsync(TimeSpan.FromSeconds(30));
        await WriteAsync(harness, 5 * SliceSpan, content, 102).WaitAsync(TimeSpan.FromSeconds(30));
        Assert.False(flush.IsCompleted);
        file.FlushGate.SetResult();
        file.FlushGate = null;
        await flush;
        Assert.True(harness.Node.L2Statistics.UsedSlices <= 2);
        harness.Verify("after the flush");
        harness.Close();
        harness.Check("after closing");
    }

    private static async Task WriteAsync(EngineHarness harness, long offset, byte[] content, int value)
    {
        content.AsSpan().Fill((byte)value);
        content.CopyTo(harness.Expected, offset);
        await harness.Node.WriteAsync(offset, content);
    }

    private static EngineHarness New()
    {
        var harness = new EngineHarness(new Qcow2CreateOptions
        {
            SizeBytes = Depth * SliceSpan,
            ClusterSizeBytes = ClusterBytes,
        });
        harness.Create();
        harness.Open();
        return harness;
    }

    private static EngineHarness Filled()
    {
        EngineHarness harness = New();
        new Random(5).NextBytes(harness.Expected);
        EngineHarness.Run(harness.Node.WriteAsync(0, harness.Expected));
        return harness;
    }

    private static GatedNode Reopen(EngineHarness filled, int cachedSlices)
    {
        EngineHarness.Run(filled.Node.FlushAsync());
        filled.L2Slices = cachedSlices;
        var file = new GatedNode(filled.File);
        filled.Open(file);
        file.IsClosed = true;
        return file;
    }

    private static async Task ReadAsync(EngineHarness harness, long offset)
    {
        byte[] actual = new byte[ClusterBytes];
        await harness.Node.ReadAsync(offset, actual);
        Assert.Equal(harness.Expected[(int)offset..((int)offset + ClusterBytes)], actual);
    }
}
