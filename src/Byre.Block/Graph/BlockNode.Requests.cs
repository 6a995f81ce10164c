using Byre.Block.Buffers;
using Byre.Block.Errors;
using Byre.Block.Requests;

namespace Byre.Block.Graph;

/// <content>The requests: public entry points, which shape a request to the node's limits, and the drivers' cores.</content>
public abstract partial class BlockNode
{
    /// <summary>Reads <paramref name="destination"/>.Length bytes from <paramref name="offset"/>.</summary>
    public ValueTask ReadAsync(long offset, IoVector destination, CancellationToken cancellation = default)
    {
        if (destination.Length == 0)
            return default;
        return ReadCoreAsync(offset, destination, cancellation);
    }

    /// <summary>Writes <paramref name="source"/> at <paramref name="offset"/>.</summary>
    public ValueTask WriteAsync(
        long offset, IoVector source, RequestFlags flags = RequestFlags.None, CancellationToken cancellation = default)
    {
        if (source.Length == 0)
            return default;
        return WriteCoreAsync(offset, source, flags, cancellation);
    }

    /// <summary>Makes <paramref name="range"/> read as zeroes.</summary>
    public ValueTask WriteZeroesAsync(
        ByteRange range, RequestFlags flags = RequestFlags.None, CancellationToken cancellation = default)
    {
        if (range.IsEmpty)
            return default;
        return WriteZeroesCoreAsync(range, flags, cancellation);
    }

    /// <summary>Says that the content of <paramref name="range"/> is no longer needed. What it reads as afterwards is the driver's affair.</summary>
    public ValueTask DiscardAsync(ByteRange range, CancellationToken cancellation = default)
    {
        if (range.IsEmpty)
            return default;
        return DiscardCoreAsync(range, cancellation);
    }

    /// <summary>Returns when everything that had completed before the call is stable on the device.</summary>
    public ValueTask FlushAsync(CancellationToken cancellation = default) => FlushCoreAsync(cancellation);

    /// <summary>The status of the run that starts <paramref name="range"/>; the answer is no longer than the question.</summary>
    public ValueTask<BlockExtent> GetStatusAsync(ByteRange range, CancellationToken cancellation = default) =>
        GetStatusCoreAsync(range, cancellation);

    /// <summary>Changes the node's length.</summary>
    public ValueTask TruncateAsync(TruncateRequest request, CancellationToken cancellation = default) =>
        TruncateCoreAsync(request, cancellation);

    /// <summary>Reads; the request obeys <see cref="Limits"/>.</summary>
    protected internal abstract ValueTask ReadCoreAsync(long offset, IoVector destination, CancellationToken cancellation);

    /// <summary>Writes; the request obeys <see cref="Limits"/>.</summary>
    protected internal abstract ValueTask WriteCoreAsync(
        long offset, IoVector source, RequestFlags flags, CancellationToken cancellation);

    /// <summary>Zeroes; ENOTSUP lets the caller write buffers instead.</summary>
    protected internal virtual ValueTask WriteZeroesCoreAsync(
        ByteRange range, RequestFlags flags, CancellationToken cancellation) =>
        throw BlockException.FromErrno(Errno.NotSupported);

    /// <summary>Discards; the base ignores it.</summary>
    protected internal virtual ValueTask DiscardCoreAsync(ByteRange range, CancellationToken cancellation) => default;

    /// <summary>Flushes this node and what it stores into.</summary>
    protected internal abstract ValueTask FlushCoreAsync(CancellationToken cancellation);

    /// <summary>Status; the base says that everything is data stored here.</summary>
    protected internal virtual ValueTask<BlockExtent> GetStatusCoreAsync(ByteRange range, CancellationToken cancellation) =>
        new(new BlockExtent { Range = range, Status = BlockStatus.Data | BlockStatus.Allocated });

    /// <summary>Changes the length; the base refuses.</summary>
    protected internal virtual ValueTask TruncateCoreAsync(TruncateRequest request, CancellationToken cancellation) =>
        throw BlockException.NotSupported("Image format driver does not support resize");
}
