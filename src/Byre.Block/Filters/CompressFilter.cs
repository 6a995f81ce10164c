using Byre.Block.Buffers;
using Byre.Block.Graph;
using Byre.Block.Requests;

namespace Byre.Block.Filters;

/// <summary>
/// Turns writes into compressed ones of whole clusters: what a request leaves of a cluster is read and written again.
/// Threading as <see cref="BlockNode"/>. Owns the child.
/// </summary>
public sealed class CompressFilter(CompressDriver driver, BlockNode child, int clusterBytes) : FilterNode(driver, child)
{
    /// <inheritdoc/>
    public override BlockLimits Limits { get; } =
        child.Limits.PassedUp() with { RequestAlignmentBytes = Math.Max(clusterBytes, 1) };

    /// <inheritdoc/>
    protected internal override ValueTask WriteCoreAsync(
        long offset, IoVector source, RequestFlags flags, CancellationToken cancellation)
    {
        // The last cluster of a disk may be cut off by its end; alignment has filled it up behind it.
        long inside = Math.Min(source.Length, Child.LengthBytes - offset);
        IoVector data = inside == source.Length ? source : source.Slice(new ByteRange(0, inside));
        return Child.WriteAsync(offset, data, flags | RequestFlags.Compressed, cancellation);
    }
}
