using Byre.Block.Graph;
using Byre.Block.Requests;
using Byre.Block.Tests.Jobs;

namespace Byre.Block.Tests.Graph;

public class BackingChainTests
{
    private const int Cluster = 65536;

    [Fact]
    public async Task Status_is_that_of_the_image_which_knows()
    {
        var bottom = new FakeNode(4 * Cluster).Put(0, 4 * Cluster, 1);
        var middle = new FakeNode(8 * Cluster, backing: bottom).PutZeroes(Cluster, Cluster);
        var top = new FakeNode(16 * Cluster, backing: middle).Put(2 * Cluster, Cluster, 2);

        var seen = new List<string>();
        for (long offset = 0; offset < top.LengthBytes;)
        {
            ChainExtent answer = await BackingChain.GetStatusAboveAsync(
                top, null, ByteRange.FromEnd(offset, top.LengthBytes));
            seen.Add($"{answer.Extent.Length / Cluster}@{answer.Depth} {answer.Extent.Status}");
            offset = answer.Extent.Range.End;
        }

        Assert.Equal(
            [
                "1@3 Data, Allocated",
                "1@2 Zero, Allocated",
                "1@1 Data, Allocated",
                "1@3 Data, Allocated",
                "4@3 Zero, Allocated",
                "8@2 Zero, Allocated, EndOfFile",
            ],
            seen);
    }

    [Fact]
    public async Task Allocation_above_a_base_ignores_the_base()
    {
        var bottom = new FakeNode(4 * Cluster).Put(0, 4 * Cluster, 1);
        var top = new FakeNode(4 * Cluster, backing: bottom).Put(Cluster, Cluster, 2);

        ChainExtent hole = await BackingChain.GetAllocationAboveAsync(top, bottom, new ByteRange(0, 4 * Cluster));
        ChainExtent data = await BackingChain.GetAllocationAboveAsync(top, bottom, new ByteRange(Cluster, 3 * Cluster));

        Assert.False(hole.Extent.Has(BlockStatus.Allocated));
        Assert.Equal(Cluster, hole.Extent.Length);
        Assert.True(data.Extent.Has(BlockStatus.Allocated));
        Assert.Equal(1, data.Depth);
    }

    [Fact]
    public void Lists_images_and_finds_the_overlay()
    {
        var bottom = new FakeNode(Cluster);
        var middle = new FakeNode(Cluster, backing: bottom);
        var top = new FakeNode(Cluster, backing: middle);

        Assert.Equal([top, middle, bottom], BackingChain.Images(top));
        Assert.Same(middle, BackingChain.FindOverlay(top, bottom));
        Assert.Null(BackingChain.FindOverlay(top, top));
    }
}
