using Byre.Block.Errors;
using Byre.Block.Graph;
using Byre.Block.Requests;
using Byre.Storage.Memory;
using Byre.Storage.Null;
using Byre.Storage.Tests.Support;

namespace Byre.Storage.Tests;

public sealed class MemoryAndNullTests
{
    [Fact]
    public async Task Memory_behaves_as_an_array_that_grows()
    {
        var random = new Random(5);
        byte[] model = new byte[600_000];
        int length = 0;
        await using var node = new MemoryStorage();
        for (int i = 0; i < 400; i++)
        {
            int offset = random.Next(500_000);
            int count = random.Next(1, 100_000);
            int end = offset + count;
            switch (random.Next(4))
            {
                case 0:
                    byte[] data = Nodes.Pattern(count, i);
                    await node.WriteAsync(offset, data);
                    data.CopyTo(model, offset);
                    length = Math.Max(length, end);
                    break;
                case 1:
                    await node.WriteZeroesAsync(new ByteRange(offset, count));
                    model.AsSpan(offset, count).Clear();
                    length = Math.Max(length, end);
                    break;
                case 2:
                    await node.DiscardAsync(new ByteRange(offset, count));
                    model.AsSpan(offset, count).Clear();
                    break;
                default:
                    await node.TruncateAsync(new TruncateRequest(end));
                    model.AsSpan(end).Clear();
                    length = end;
                    break;
            }

            Assert.Equal(length, node.LengthBytes);
        }

        Assert.Equal(model, await Nodes.ReadAsync(node, 0, model.Length));
        for (long offset = 0; offset < length;)
        {
            BlockExtent extent = await node.GetStatusAsync(ByteRange.FromEnd(offset, length));
            if (extent.Has(BlockStatus.Zero))
                Assert.Equal(-1, model.AsSpan((int)offset, (int)extent.Length).IndexOfAnyExcept((byte)0));
            offset = extent.Range.End;
        }
    }

    [Fact]
    public async Task Null_stores_nothing_and_leaves_buffers_alone()
    {
        await using BlockNode node = await OpenAsync();
        Assert.Equal(1 << 30, node.LengthBytes);
        await node.WriteAsync(0, new byte[] { 1, 2 });
        Assert.Equal([0xEE, 0xEE], await Nodes.ReadAsync(node, 0, 2));
        Assert.Equal(BlockStatus.OffsetValid, (await node.GetStatusAsync(new ByteRange(0, 512))).Status);
        Assert.Equal(0, await node.GetAllocatedBytesAsync());
    }

    [Fact]
    public async Task Null_reads_zeroes_where_asked()
    {
        await using BlockNode node = await OpenAsync(("size", "1M"), ("read-zeroes", "on"), ("latency-ns", "100000"));
        Assert.Equal(1 << 20, node.LengthBytes);
        Assert.Equal([0, 0], await Nodes.ReadAsync(node, 0, 2));
        Assert.True((await node.GetStatusAsync(new ByteRange(0, 512))).Has(BlockStatus.Zero));
    }

    [Fact]
    public async Task Null_options_are_checked()
    {
        var e = await Assert.ThrowsAsync<BlockException>(() => OpenAsync(("latency-ns", "-1")).AsTask());
        Assert.Equal("latency-ns is invalid", e.Message);
        e = Assert.Throws<BlockException>(() => NullDriver.Coroutine.ParseFileName("null-co://x", new OptionSet()));
        Assert.Equal("The only allowed filename for this driver is 'null-co://'", e.Message);
        NullDriver.Asynchronous.ParseFileName("null-aio://", new OptionSet());
    }

    private static ValueTask<BlockNode> OpenAsync(params (string Key, string Value)[] options)
    {
        var set = new OptionSet();
        foreach ((string key, string value) in options)
            set[key] = value;
        return Nodes.OpenAsync(NullDriver.Coroutine, Nodes.Request("", options: set));
    }
}
