using Byre.Block.Filters;
using Byre.Block.Graph;
using Byre.Block.Requests;
using Byre.Block.Tests.Jobs;

namespace Byre.Block.Tests.Filters;

public class CopyOnReadTests
{
    private const int Cluster = 65536;

    [Fact]
    public async Task Stores_what_came_from_below()
    {
        var bottom = new FakeNode(4 * Cluster).Put(0, 4 * Cluster, 1);
        var top = new FakeNode(4 * Cluster, backing: bottom);
        var filter = new CopyOnReadFilter(null, top);

        byte[] data = new byte[Cluster];
        await filter.ReadAsync(100, data);

        Assert.All(data, value => Assert.Equal(1, value));
        Assert.True(top.IsAllocated(0));
        Assert.False(top.IsAllocated(2 * Cluster));
        Assert.Empty(bottom.Log);
    }

    [Fact]
    public async Task Leaves_what_lies_below_the_bottom()
    {
        var lowest = new FakeNode(4 * Cluster).Put(Cluster, Cluster, 1);
        var middle = new FakeNode(4 * Cluster, backing: lowest).Put(0, Cluster, 2);
        var top = new FakeNode(4 * Cluster, backing: middle);
        var filter = new CopyOnReadFilter(null, top, middle);

        byte[] data = new byte[2 * Cluster];
        await filter.ReadAsync(0, data);

        Assert.Equal(2, data[0]);
        Assert.Equal(1, data[Cluster]);
        Assert.True(top.IsAllocated(0));
        Assert.False(top.IsAllocated(Cluster));
    }

    [Fact]
    public async Task Does_not_undo_concurrent_writes()
    {
        var bottom = new FakeNode(64 * Cluster).Put(0, 64 * Cluster, 1);
        var top = new FakeNode(64 * Cluster, backing: bottom) { IsSlow = true };
        var filter = new CopyOnReadFilter(null, top);
        byte[] ones = Enumerable.Repeat((byte)2, Cluster).ToArray();

        Task[] reads = Enumerable.Range(0, 64).Select(
            i => filter.ReadAsync(i * Cluster, new byte[Cluster]).AsTask()).ToArray();
        Task[] writes = Enumerable.Range(0, 64).Select(i => filter.WriteAsync(i * Cluster, ones).AsTask()).ToArray();
        await Task.WhenAll(reads.Concat(writes));

        Assert.Equal(-1, top.Content.IndexOfAnyExcept((byte)2));
    }
}
