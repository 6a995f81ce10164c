using Byre.Block.Jobs;

namespace Byre.Block.Tests.Jobs;

public sealed class RebaseJobTests
{
    private const int Cluster = 65536;

    [Fact]
    public async Task Only_what_differs_is_copied()
    {
        var oldBase = new FakeNode(8 * Cluster).Put(0, 4 * Cluster, 1);
        var newBase = new FakeNode(8 * Cluster).Put(0, 2 * Cluster, 1).Put(6 * Cluster, Cluster, 2);
        var overlay = new FakeNode(8 * Cluster, backing: oldBase).Put(3 * Cluster, Cluster, 7);

        await RunAsync(overlay, oldBase, newBase);

        Assert.Equal([$"write {2 * Cluster}+{Cluster}", $"write {6 * Cluster}+{Cluster}"], overlay.Log);
    }

    [Fact]
    public async Task Beyond_the_old_end_zeroes_are_written()
    {
        var oldBase = new FakeNode(2 * Cluster).Put(0, 2 * Cluster, 1);
        var newBase = new FakeNode(4 * Cluster).Put(0, 2 * Cluster, 1).Put(2 * Cluster, 2 * Cluster, 3);
        var overlay = new FakeNode((4 * Cluster) + 512, backing: oldBase);

        await RunAsync(overlay, oldBase, newBase);

        Assert.Equal([$"zero {2 * Cluster}+{2 * Cluster}"], overlay.Log);
    }

    [Fact]
    public async Task Rebasing_to_nothing_copies_what_is_not_zero()
    {
        var oldBase = new FakeNode(4 * Cluster).Put(Cluster, 512, 1);
        var overlay = new FakeNode(4 * Cluster, backing: oldBase);

        await RunAsync(overlay, oldBase, newBase: null);

        Assert.Equal([$"write {Cluster}+{Cluster}"], overlay.Log);
    }

    [Fact]
    public async Task Within_the_chain_only_the_layers_between_count()
    {
        var bottom = new FakeNode(8 * Cluster).Put(0, 8 * Cluster, 1);
        var middle = new FakeNode(8 * Cluster, backing: bottom).Put(2 * Cluster, Cluster, 2);
        middle.UnreadableRanges.Add(new Block.Requests.ByteRange(4 * Cluster, Cluster));
        var overlay = new FakeNode(8 * Cluster, backing: middle);

        await RunAsync(overlay, middle, bottom, inChain: true);

        Assert.Equal([$"write {2 * Cluster}+{Cluster}"], overlay.Log);
    }

    private static ValueTask RunAsync(FakeNode overlay, FakeNode? oldBase, FakeNode? newBase, bool inChain = false)
    {
        var options = new RebaseOptions { OldBacking = oldBase, NewBacking = newBase, NewBackingIsInChain = inChain };
        return new RebaseJob(overlay, options).RunAsync(Cluster);
    }
}
