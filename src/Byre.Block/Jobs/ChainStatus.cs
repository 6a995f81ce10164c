using Byre.Block.Graph;
using Byre.Block.Requests;

namespace Byre.Block.Jobs;

/// <summary>The status of a run of a node's bytes as its whole backing chain, or the upper part of it, determines it.</summary>
internal static class ChainStatus
{
    /// <summary>
    /// The status of the run that starts <paramref name="range"/>, from <paramref name="node"/> and the nodes that show through it
    /// down to, not including, <paramref name="below"/>. Without <see cref="BlockStatus.Allocated"/> none of these nodes determines the content.
    /// </summary>
    public static async ValueTask<BlockExtent> GetAboveAsync(
        BlockNode node, BlockNode? below, ByteRange range, CancellationToken cancellation)
    {
        BlockExtent top = await node.GetStatusAsync(range, cancellation).ConfigureAwait(false);
        BlockExtent extent = top;
        BlockNode? layer = node;
        while (!extent.Has(BlockStatus.Allocated) && extent.Length > 0)
        {
            layer = Next(layer);
            if (layer is null || layer == below)
                break;
            ByteRange rest = extent.Range;
            extent = await layer.GetStatusAsync(rest, cancellation).ConfigureAwait(false);
            if (extent.Length == 0)
            {
                // Beyond the end of a shorter layer, which reads as zeroes and hides what is below it.
                extent = new BlockExtent { Range = rest, Status = BlockStatus.Zero | BlockStatus.Allocated };
            }

            extent = extent with { Status = extent.Status & ~BlockStatus.EndOfFile };
        }

        if (top.Has(BlockStatus.EndOfFile) && extent.Range.End == top.Range.End)
            extent = extent with { Status = extent.Status | BlockStatus.EndOfFile };
        return extent;
    }

    /// <summary>The node itself, or the first below its filters that is none.</summary>
    public static BlockNode SkipFilters(BlockNode node)
    {
        while (node.Driver.IsFilter && node.File is { } child)
            node = child;
        return node;
    }

    private static BlockNode? Next(BlockNode node) => node.Driver.IsFilter ? node.File : node.Backing;
}
