using Byre.Block.Buffers;
using Byre.Block.Graph;
using Byre.Block.Requests;

namespace Byre.Block.Filters;

/// <summary>
/// Tells a listener of every request that changes its child or orders changes, before it is passed on. Threading as
/// <see cref="BlockNode"/>; the listener is called on the thread of the request and may be called concurrently. Owns
/// the child.
/// </summary>
public sealed class WriteLogFilter(BlockNode child, Action<WriteLogEntry> listener) : FilterNode(child.Driver, child)
{
    /// <inheritdoc/>
    protected internal override ValueTask WriteCoreAsync(
        long offset, IoVector source, RequestFlags flags, CancellationToken cancellation)
    {
        byte[] data = new byte[source.Length];
        source.CopyTo(data);
        listener(new WriteLogEntry(WriteLogKind.Write, new ByteRange(offset, source.Length), flags) { Data = data });
        return base.WriteCoreAsync(offset, source, flags, cancellation);
    }

    /// <inheritdoc/>
    protected internal override ValueTask WriteZeroesCoreAsync(
        ByteRange range, RequestFlags flags, CancellationToken cancellation)
    {
        listener(new WriteLogEntry(WriteLogKind.Zeroes, range, flags));
        return base.WriteZeroesCoreAsync(range, flags, cancellation);
    }

    /// <inheritdoc/>
    protected internal override ValueTask DiscardCoreAsync(ByteRange range, CancellationToken cancellation)
    {
        listener(new WriteLogEntry(WriteLogKind.Discard, range, RequestFlags.None));
        return base.DiscardCoreAsync(range, cancellation);
    }

    /// <inheritdoc/>
    protected internal override ValueTask FlushCoreAsync(CancellationToken cancellation)
    {
        listener(new WriteLogEntry(WriteLogKind.Flush, default, RequestFlags.None));
        return base.FlushCoreAsync(cancellation);
    }

    /// <inheritdoc/>
    protected internal override ValueTask TruncateCoreAsync(TruncateRequest request, CancellationToken cancellation)
    {
        listener(new WriteLogEntry(WriteLogKind.Truncate, new ByteRange(0, request.LengthBytes), RequestFlags.None));
        return base.TruncateCoreAsync(request, cancellation);
    }
}
