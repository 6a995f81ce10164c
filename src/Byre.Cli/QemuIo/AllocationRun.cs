using Byre.Block.Graph;
using Byre.Block.Requests;

namespace Byre.Cli.QemuIo;

/// <summary>A run of bytes of which all or none are stored in a node itself, as opposed to its backing chain.</summary>
/// <param name="LengthBytes">Zero at and after the end of the node.</param>
/// <param name="IsAllocated">True where the node determines the content.</param>
internal readonly record struct AllocationRun(long LengthBytes, bool IsAllocated)
{
    /// <summary>
    /// The run at <paramref name="offset"/>, no longer than <paramref name="maxBytes"/>; neighbours may be of the
    /// same kind.
    /// </summary>
    public static async ValueTask<AllocationRun> QueryAsync(BlockNode node, long offset, long maxBytes)
    {
        long bytes = Math.Min(maxBytes, node.LengthBytes - offset);
        if (bytes <= 0)
            return default;
        BlockExtent extent = await node.GetStatusAsync(new ByteRange(offset, bytes)).ConfigureAwait(false);
        return new AllocationRun(extent.Length, extent.Has(BlockStatus.Allocated));
    }
}
