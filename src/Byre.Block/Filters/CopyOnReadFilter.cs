using Byre.Block.Buffers;
using Byre.Block.Graph;
using Byre.Block.Requests;

namespace Byre.Block.Filters;

/// <summary>
/// Stores in its child what a read had to take from the child's backing files, in whole clusters, without disturbing
/// concurrent writes. Threading as <see cref="BlockNode"/>. Owns the child.
/// </summary>
public sealed class CopyOnReadFilter : FilterNode
{
    private readonly BlockNode? _bottom;

    /// <param name="driver">The driver; null for a filter put into the graph by a program.</param>
    /// <param name="child">The image, writable; nobody else may use it directly from now on.</param>
    /// <param name="bottom">A node of the child's chain: what comes from below it is not stored. Null stores
    /// everything.</param>
    public CopyOnReadFilter(CopyOnReadDriver? driver, BlockNode child, BlockNode? bottom = null)
        : base(driver ?? new CopyOnReadDriver(), child)
    {
        _bottom = bottom;
        // The child itself must keep these reads and everybody's writes apart.
        child.OpenedFlags |= OpenFlags.CopyOnRead;
    }

    /// <inheritdoc/>
    public override async ValueTask DisposeAsync()
    {
        Child.OpenedFlags &= ~OpenFlags.CopyOnRead;
        await base.DisposeAsync().ConfigureAwait(false);
    }

    /// <inheritdoc/>
    protected internal override ValueTask ReadCoreAsync(
        long offset, IoVector destination, CancellationToken cancellation) =>
        _bottom is null
            ? Child.ReadAsync(offset, destination, cancellation)
            : ReadAboveBottomAsync(offset, destination, cancellation);

    private async ValueTask ReadAboveBottomAsync(long offset, IoVector destination, CancellationToken cancellation)
    {
        var left = new ByteRange(offset, destination.Length);
        while (!left.IsEmpty)
        {
            ChainExtent stored = await BackingChain
                .GetAllocationAboveAsync(Child, BackingChain.Below(_bottom!), left, cancellation)
                .ConfigureAwait(false);
            ByteRange part = stored.Extent.Length == 0 ? left : stored.Extent.Range;
            IoVector target = destination.Slice(new ByteRange(part.Offset - offset, part.Length));
            bool isAbove = stored.Extent.Length > 0 && stored.Extent.Has(BlockStatus.Allocated);
            if (isAbove)
                await Child.ReadAsync(part.Offset, target, cancellation).ConfigureAwait(false);
            else
                await Child.ReadWithoutCopyAsync(part.Offset, target, cancellation).ConfigureAwait(false);
            left = ByteRange.FromEnd(part.End, left.End);
        }
    }
}
