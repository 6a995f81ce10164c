using Byre.Block.Errors;
using Byre.Block.Graph;
using Byre.Block.Requests;
using Byre.Qcow2.Check;
using Byre.Qcow2.Create;
using Byre.Qcow2.Io;
using Byre.Qcow2.Layout;
using Byre.Qcow2.Metadata;
using Byre.Qcow2.Tests.Create;
using Byre.Qcow2.Tests.Io;

namespace Byre.Qcow2.Tests.WriteCache;

/// <summary>Compressed writes through the engine: what reaches the file, and what is read meanwhile.</summary>
public sealed class CompressedWriteTests : IDisposable
{
    private const int Cluster = 4096;
    private const int Clusters = 200;

    private readonly MemoryNode _memory = new();
    private readonly byte[] _content = new byte[Clusters * Cluster];

    public CompressedWriteTests()
    {
        EngineHarness.Run(ImageCreator.WriteEmptyAsync(
            _memory,
            new Qcow2CreateOptions { SizeBytes = _content.Length, ClusterSizeBytes = Cluster },
            CancellationToken.None));
        // Every cluster compresses to about two thirds.
        var random = new Random(5);
        for (int i = 0; i < Clusters; i++)
            random.NextBytes(_content.AsSpan(i * Cluster, Cluster * 2 / 3));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(512)]
    [InlineData(4096)]
    public void Every_host_cluster_is_written_once_whole_and_without_reading(int alignment)
    {
        var file = new RecordingNode(_memory, alignment);
        Qcow2Node node = Open(file, 64);
        Write(node, 0, 1);
        (int writes, int reads) = (file.Writes.Length, file.Reads);
        for (int i = 1; i < Clusters; i++)
            Write(node, i, 1);
        Assert.Equal(reads, file.Reads);
        ByteRange[] data = file.Writes[writes..];
        Assert.InRange(data.Length, (Clusters * 2 / 3) - 4, (Clusters * 2 / 3) + 4);
        Assert.All(data, static write => Assert.True(write.IsAligned(Cluster) && write.Length == Cluster));
        Assert.Equal(data.Length, data.Select(static write => write.Offset).Distinct().Count());
        Verify(node);
        EngineHarness.Run(node.DisposeAsync());
        Assert.Equal(data.Length + 1, file.Writes.Count(write => IsData(write, data)));
        Reopen();
    }

    /// <summary>The last piece of data behind the others counts.</summary>
    private static bool IsData(ByteRange write, ByteRange[] data) =>
        write.Offset >= data.Min(static one => one.Offset) && write.Offset <= data.Max(static one => one.End);

    [Theory]
    [InlineData(0, 1)]
    [InlineData(1, 1)]
    [InlineData(1, 512)]
    [InlineData(64, 1)]
    [InlineData(64, 4096)]
    public void What_is_written_is_read_before_and_after_flushes(int cacheClusters, int alignment)
    {
        var file = new RecordingNode(_memory, alignment);
        Qcow2Node node = Open(file, cacheClusters);
        var random = new Random(cacheClusters);
        for (int i = 0; i < Clusters;)
        {
            int count = Math.Min(1 + random.Next(7), Clusters - i);
            Write(node, i, count);
            i += count;
            if (random.Next(4) == 0)
                EngineHarness.Run(node.FlushAsync());
            if (random.Next(4) == 0)
                Verify(node, i);
        }

        Verify(node);
        EngineHarness.Run(node.DisposeAsync());
        Reopen();
    }

    [Fact]
    public void The_size_may_change_while_the_image_is_open()
    {
        var file = new RecordingNode(_memory, 512);
        Qcow2Node node = Open(file, 64);
        int[] sizes = [1, 0, 8, 0, 64];
        for (int i = 0; i < sizes.Length; i++)
        {
            Write(node, 10 * i, 10);
            var options = new OptionSet { ["compressed-cache-size"] = $"{sizes[i] * Cluster}" };
            EngineHarness.Run(node.ReopenAsync(options, node.OpenedFlags));
            Assert.Equal(sizes[i] * Cluster, node.CompressedStatistics.CapacityBytes);
            Verify(node, (10 * i) + 10);
        }

        Write(node, 50, Clusters - 50);
        EngineHarness.Run(node.DisposeAsync());
        Reopen();
    }

    [Fact]
    public void A_freed_cluster_is_dropped()
    {
        Qcow2Node node = Open(_memory, 64);
        Write(node, 0, 1);
        Assert.Equal(Cluster, node.CompressedStatistics.HeldBytes);
        EngineHarness.Run(node.DiscardAsync(new ByteRange(0, Cluster)));
        EngineHarness.Run(node.FlushAsync());
        Assert.Equal(0, node.CompressedStatistics.HeldBytes);
        Assert.Equal(1, node.CompressedStatistics.Drops);
        _content.AsSpan(0, Cluster).Clear();
        Verify(node, 1);
        EngineHarness.Run(node.DisposeAsync());
    }

    [Fact]
    public void Figures_tell_what_the_cache_does()
    {
        Qcow2Node node = Open(_memory, 64);
        Write(node, 0, 3);
        EngineHarness.Run(node.FlushAsync());
        Verify(node, 3);
        Dictionary<string, long> figures = node.Figures.ToDictionary(static one => one.Name, static one => one.Value);
        Assert.Equal(3, figures["compressed_cache_writes"]);
        Assert.Equal(1, figures["compressed_cache_partial_writes"]);
        Assert.Equal(Cluster, figures["compressed_cache_held_bytes"]);
        Assert.InRange(figures["compressed_cache_hits"], 1, 3);
        EngineHarness.Run(node.DisposeAsync());
    }

    /// <summary>A write that failed is tried again by the next one, which fails if that does.</summary>
    [Fact]
    public void What_could_not_be_written_is_not_lost()
    {
        var file = new FaultyNode(_memory);
        Qcow2Node node = Open(file, 2);
        Write(node, 0, 1);
        file.FailAfter = 1;
        BlockException failure = Assert.Throws<BlockException>(() => Write(node, 1, 2));
        Assert.Equal(Errno.InputOutput, failure.Errno);
        Assert.StartsWith("write", file.Failed, StringComparison.Ordinal);
        Verify(node, 1);
        Write(node, 3, Clusters - 3);
        Write(node, 1, 2, mayBeThere: true);
        EngineHarness.Run(node.DisposeAsync());
        Reopen();
    }

    public void Dispose() => EngineHarness.Run(_memory.DisposeAsync());

    private static Qcow2Node Open(BlockNode file, int cacheClusters)
    {
        byte[] header = new byte[Cluster];
        EngineHarness.Run(file.ReadAsync(0, header));
        return EngineHarness.Run(Qcow2Node.OpenAsync(
            new Qcow2OpenContext
            {
                Driver = new StubDriver(),
                File = file,
                Header = HeaderCodec.Parse(header),
                Flags = OpenFlags.ReadWrite | OpenFlags.Unmap,
                Options = new MetadataOptions
                {
                    L2SliceBytes = 4096,
                    L2Slices = 8,
                    RefcountSliceBytes = 4096,
                    RefcountSlices = 4,
                    CompressedCacheClusters = cacheClusters,
                },
                ParseOptions = static (options, flags, current) =>
                    Qcow2OpenOptions.Parse(options, current, flags).ToMetadataOptions(),
            },
            CancellationToken.None));
    }

    private void Write(Qcow2Node node, int cluster, int count, bool mayBeThere = false)
    {
        for (int i = cluster; i < cluster + count; i += mayBeThere ? 1 : count)
        {
            Memory<byte> data = _content.AsMemory(i * Cluster, (mayBeThere ? 1 : count) * Cluster);
            try
            {
                EngineHarness.Run(node.WriteAsync(i * Cluster, data, RequestFlags.Compressed));
            }
            catch (BlockException) when (mayBeThere)
            {
                // As the peer: compressed data never replaces anything.
            }
        }
    }

    private void Verify(BlockNode node, int clusters = Clusters)
    {
        byte[] actual = new byte[clusters * Cluster];
        EngineHarness.Run(node.ReadAsync(0, actual));
        Assert.Equal(actual.Length, actual.AsSpan().CommonPrefixLength(_content));
    }

    private void Reopen()
    {
        Qcow2Node node = Open(_memory, 0);
        Verify(node);
        EngineHarness.Run(node.DisposeAsync());
        Assert.Empty(Faults.FaultVerifier.Check(_memory, RepairMode.None));
    }
}
