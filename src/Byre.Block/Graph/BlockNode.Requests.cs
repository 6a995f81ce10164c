using Byre.Block.Buffers;
using Byre.Block.Errors;
using Byre.Block.Requests;

namespace Byre.Block.Graph;

/// <content>The requests: public entry points, which shape a request to the node's limits, and the drivers'
/// cores.</content>
public abstract partial class BlockNode
{
    private RequestShaper? _shaper;
    private RequestShape _shape;

    private enum RequestShape : byte
    {
        /// <summary>Not asked yet.</summary>
        Unknown,

        /// <summary>Reads and writes go to the driver as they come.</summary>
        Plain,

        /// <summary>They go through the shaper.</summary>
        Shaped,
    }

    private bool IsPlain => (_shape == RequestShape.Unknown ? FindShape() : _shape) == RequestShape.Plain;

    private RequestShaper Shaper
    {
        get
        {
            // Two requests may come first at once, but only one shaper may keep their ranges apart.
            if (_shaper is null)
                Interlocked.CompareExchange(ref _shaper, new RequestShaper(this), null);
            return _shaper;
        }
    }

    /// <summary>Reads <paramref name="destination"/>.Length bytes from <paramref name="offset"/>.</summary>
    public ValueTask ReadAsync(long offset, IoVector destination, CancellationToken cancellation = default)
    {
        if (destination.Length == 0)
            return default;
        return IsPlain
            ? ReadCoreAsync(offset, destination, cancellation)
            : Shaper.ReadAsync(offset, destination, cancellation);
    }

    /// <summary>Reads without storing what comes from the backing file, on a node that else does.</summary>
    internal ValueTask ReadWithoutCopyAsync(long offset, IoVector destination, CancellationToken cancellation) =>
        Shaper.ReadWithoutCopyAsync(new ByteRange(offset, destination.Length), destination, cancellation);

    /// <summary>Writes <paramref name="source"/> at <paramref name="offset"/>.</summary>
    public ValueTask WriteAsync(
        long offset, IoVector source, RequestFlags flags = RequestFlags.None, CancellationToken cancellation = default)
    {
        if (source.Length == 0)
            return default;
        return IsPlain && (flags & RequestFlags.ForceUnitAccess) == 0
            ? WriteCoreAsync(offset, source, flags, cancellation)
            : Shaper.WriteAsync(offset, source, flags, cancellation);
    }

    /// <summary>
    /// Makes <paramref name="range"/> read as zeroes. Writes buffers of zeroes where the driver cannot do better,
    /// unless
    /// <see cref="RequestFlags.NoFallback"/> is given. <see cref="RequestFlags.MayUnmap"/> counts only on nodes
    /// opened with
    /// <see cref="OpenFlags.Unmap"/>.
    /// </summary>
    public ValueTask WriteZeroesAsync(
        ByteRange range, RequestFlags flags = RequestFlags.None, CancellationToken cancellation = default)
    {
        if (range.IsEmpty)
            return default;
        return Shaper.WriteZeroesAsync(range, flags, cancellation);
    }

    /// <summary>
    /// Says that the content of <paramref name="range"/> is no longer needed. What it reads as afterwards is the
    /// driver's affair. Does nothing on a node opened without <see cref="OpenFlags.Unmap"/>.
    /// </summary>
    public ValueTask DiscardAsync(ByteRange range, CancellationToken cancellation = default)
    {
        if (range.IsEmpty || (OpenedFlags & OpenFlags.Unmap) == 0)
            return default;
        return Shaper.DiscardAsync(range, cancellation);
    }

    /// <summary>Returns when everything that had completed before the call is stable on the device.</summary>
    public ValueTask FlushAsync(CancellationToken cancellation = default) =>
        IsPlain ? FlushCoreAsync(cancellation) : Shaper.FlushAsync(cancellation);

    /// <summary>
    /// The status of the run that starts <paramref name="range"/>; the answer is no longer than the question, and
    /// empty only behind the end. Holes in the file below count as zeroes. <see cref="BackingChain"/> asks the
    /// backing files as well.
    /// </summary>
    public ValueTask<BlockExtent> GetStatusAsync(ByteRange range, CancellationToken cancellation = default) =>
        StatusReader.ReadAsync(this, range, wantsZeroes: true, cancellation);

    /// <summary>
    /// As <see cref="GetStatusAsync"/> where only <see cref="BlockStatus.Allocated"/> is asked for: no file is looked
    /// at for holes.
    /// </summary>
    public ValueTask<BlockExtent> GetAllocationAsync(ByteRange range, CancellationToken cancellation = default) =>
        StatusReader.ReadAsync(this, range, wantsZeroes: false, cancellation);

    /// <summary>Changes the node's length.</summary>
    public ValueTask TruncateAsync(TruncateRequest request, CancellationToken cancellation = default) =>
        TruncateCoreAsync(request, cancellation);

    /// <summary>Reads; the request obeys <see cref="Limits"/>.</summary>
    protected internal abstract ValueTask ReadCoreAsync(
        long offset, IoVector destination, CancellationToken cancellation);

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

    /// <summary>
    /// Status; the base says that everything is data stored here, and a protocol that it lies where it is asked for.
    /// The range may reach behind the end, by less than a sector or the request alignment.
    /// </summary>
    protected internal virtual ValueTask<BlockExtent> GetStatusCoreAsync(
        ByteRange range, CancellationToken cancellation)
    {
        BlockStatus status = BlockStatus.Data | BlockStatus.Allocated;
        return new ValueTask<BlockExtent>(Driver.IsProtocol
            ? new BlockExtent
            {
                Range = range,
                Status = status | BlockStatus.OffsetValid,
                HostOffset = range.Offset,
                HostNode = this,
            }
            : new BlockExtent { Range = range, Status = status });
    }

    /// <summary>Changes the length; the base refuses.</summary>
    protected internal virtual ValueTask TruncateCoreAsync(TruncateRequest request, CancellationToken cancellation) =>
        throw BlockException.NotSupported("Image format driver does not support resize");

    /// <summary>Must be called when something that shapes requests has changed; no request may be in flight.</summary>
    protected void ForgetRequestShape()
    {
        _shape = RequestShape.Unknown;
        _shaper = null;
    }

    private RequestShape FindShape() =>
        _shape = RequestShaper.IsNeeded(this) ? RequestShape.Shaped : RequestShape.Plain;
}
