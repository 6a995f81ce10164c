using Byre.Block.Buffers;
using Byre.Block.Errors;
using Byre.Block.Graph;
using Byre.Block.Requests;
using Byre.Storage.Files;
using Byre.Storage.Tests.Support;

namespace Byre.Storage.Tests;

public sealed class FileStorageDataTests : IDisposable
{
    private readonly TempDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public async Task What_is_written_is_read_and_the_file_grows()
    {
        byte[] pattern = Nodes.Pattern(100_000);
        string name = _directory.File("f");
        await using (FileStorage node = Nodes.Open(name))
        {
            Assert.Equal(0, node.LengthBytes);
            await node.WriteAsync(1000, pattern);
            Assert.Equal(101_000, node.LengthBytes);
            Assert.Equal(pattern, await Nodes.ReadAsync(node, 1000, pattern.Length));
            Assert.Equal(new byte[1000], await Nodes.ReadAsync(node, 0, 1000));
            await node.FlushAsync();
        }

        Assert.Equal(101_000, new FileInfo(name).Length);
    }

    [Fact]
    public async Task Reads_beyond_the_end_give_zeroes()
    {
        await using FileStorage node = Nodes.Open(_directory.File("f", 1, 2, 3));
        Assert.Equal([2, 3, 0, 0], await Nodes.ReadAsync(node, 1, 4));
        Assert.Equal([0, 0], await Nodes.ReadAsync(node, 1 << 30, 2));
        Assert.Equal(3, node.LengthBytes);
    }

    [Fact]
    public async Task Requests_complete_synchronously()
    {
        await using FileStorage node = Nodes.Open(_directory.File("f", 1, 2, 3));
        Assert.True(node.ReadAsync(0, new byte[3]).IsCompletedSuccessfully);
        Assert.True(node.WriteAsync(0, new byte[3]).IsCompletedSuccessfully);
        Assert.True(node.FlushAsync().IsCompletedSuccessfully);
    }

    [Fact]
    public async Task Vectors_longer_than_the_kernel_takes_are_split()
    {
        var calls = new FaultyCalls();
        byte[] pattern = Nodes.Pattern(5000 * 7);
        await using FileStorage node = Nodes.Open(_directory.File("f"), calls: calls);
        await node.WriteAsync(3, Scatter(pattern, 7));
        Assert.Equal(1024, calls.LargestSegmentCount);
        byte[] back = new byte[pattern.Length + 100];
        await node.ReadAsync(3, Scatter(back, 7));
        Assert.Equal(pattern, back[..pattern.Length]);
        Assert.Equal(new byte[100], back[pattern.Length..]);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(10)]
    [InlineData(4096)]
    public async Task Short_counts_are_continued(int maxTransferBytes)
    {
        var calls = new FaultyCalls { MaxTransferBytes = maxTransferBytes };
        byte[] pattern = Nodes.Pattern(3000);
        await using FileStorage node = Nodes.Open(_directory.File("f"), calls: calls);
        await node.WriteAsync(5, pattern);
        Assert.Equal(pattern, await Nodes.ReadAsync(node, 5, pattern.Length));
        await node.WriteAsync(9000, Scatter(pattern, 11));
        byte[] back = new byte[3000];
        await node.ReadAsync(9000, Scatter(back, 13));
        Assert.Equal(pattern, back);
    }

    [Fact]
    public async Task Writers_that_extend_the_file_together_lose_nothing()
    {
        string name = _directory.File("f");
        await using FileStorage node = Nodes.Open(name);
        byte[] block = Nodes.Pattern(4096);
        await Parallel.ForAsync(0, 200, async (i, cancellation) =>
        {
            if (i % 3 == 0)
                await node.WriteZeroesAsync(new ByteRange(i * 4096L, 4096), RequestFlags.MayUnmap, cancellation);
            else
                await node.WriteAsync(i * 4096L, block, cancellation: cancellation);
        });
        Assert.Equal(200 * 4096, node.LengthBytes);
        Assert.Equal(200 * 4096, new FileInfo(name).Length);
        for (int i = 0; i < 200; i++)
            Assert.Equal(i % 3 == 0 ? new byte[4096] : block, await Nodes.ReadAsync(node, i * 4096L, 4096));
    }

    [Fact]
    public async Task A_flush_reaches_the_device_only_where_something_changed()
    {
        var calls = new FaultyCalls();
        await using FileStorage node = Nodes.Open(_directory.File("f"), calls: calls);
        await node.FlushAsync();
        Assert.Equal(0, calls.SynchroniseCount);
        await node.WriteAsync(0, new byte[10]);
        await node.FlushAsync();
        await node.FlushAsync();
        Assert.Equal(1, calls.SynchroniseCount);
        await node.WriteAsync(0, new byte[10], RequestFlags.ForceUnitAccess);
        Assert.Equal(2, calls.SynchroniseCount);
        await node.WriteZeroesAsync(new ByteRange(0, 10));
        await node.FlushAsync();
        Assert.Equal(3, calls.SynchroniseCount);
    }

    [Fact]
    public async Task Without_flushes_nothing_is_flushed()
    {
        var calls = new FaultyCalls();
        await using FileStorage node = Nodes.Open(_directory.File("f"), Nodes.Writable | OpenFlags.CacheNoFlush, calls);
        await node.WriteAsync(0, new byte[10], RequestFlags.ForceUnitAccess);
        await node.FlushAsync();
        Assert.Equal(0, calls.SynchroniseCount);
    }

    [Fact]
    public async Task After_a_failed_flush_the_node_takes_no_more_writes()
    {
        var calls = new FaultyCalls { SynchroniseError = Errno.NoSpace };
        FileStorage node = Nodes.Open(_directory.File("f"), calls: calls);
        await node.WriteAsync(0, new byte[10]);
        BlockException first = await Assert.ThrowsAsync<BlockException>(async () => await node.FlushAsync());
        Assert.Equal(Errno.NoSpace, first.Errno);

        // The kernel would now say that all is well, although it may have dropped what it could not write.
        calls.SynchroniseError = 0;
        Func<Task>[] later =
        [
            async () => await node.FlushAsync(),
            async () => await node.WriteAsync(0, new byte[10]),
            async () => await node.WriteZeroesAsync(new ByteRange(0, 10)),
            async () => await node.DiscardAsync(new ByteRange(0, 10)),
            async () => await node.TruncateAsync(new TruncateRequest(100)),
        ];
        foreach (Func<Task> request in later)
            Assert.Equal(Errno.InputOutput, (await Assert.ThrowsAsync<BlockException>(request)).Errno);
        Assert.Equal(1, calls.SynchroniseCount);
        Assert.Equal(new byte[10], await Nodes.ReadAsync(node, 0, 10));
        await Assert.ThrowsAsync<BlockException>(async () => await node.DisposeAsync());
    }

    [Fact]
    public async Task A_read_only_node_refuses_changes()
    {
        await using FileStorage node = Nodes.Open(_directory.File("f", 1), OpenFlags.None);
        Assert.True(node.IsReadOnly);
        BlockException e = await Assert.ThrowsAsync<BlockException>(async () => await node.WriteAsync(0, new byte[1]));
        Assert.Equal(Errno.OperationNotPermitted, e.Errno);
    }

    private static IoVector Scatter(byte[] bytes, int segmentBytes)
    {
        var segments = new List<Memory<byte>>();
        for (int offset = 0; offset < bytes.Length; offset += segmentBytes)
            segments.Add(bytes.AsMemory(offset, Math.Min(segmentBytes, bytes.Length - offset)));
        return new IoVector(segments.ToArray());
    }
}
