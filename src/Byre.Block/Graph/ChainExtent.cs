using Byre.Block.Requests;

namespace Byre.Block.Graph;

/// <summary>The status of a run of bytes seen through a backing chain.</summary>
/// <param name="Extent">The run and its status. <see cref="BlockStatus.Allocated"/>: some image of those asked stores
/// it.</param>
/// <param name="Depth">How many images were asked: 1 where the top one knew. Counts filters.</param>
/// <param name="Node">The image that knew.</param>
public readonly record struct ChainExtent(BlockExtent Extent, int Depth, BlockNode Node);
