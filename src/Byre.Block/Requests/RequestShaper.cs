using Byre.Block.Buffers;
using Byre.Block.Filters;
using Byre.Block.Graph;

namespace Byre.Block.Requests;

/// <summary>
/// Turns a request as a caller makes it into requests as a driver wants them: aligned, not too long, without flags
/// that the driver lacks. One per node; nodes without demands never have one. Threading as <see cref="BlockNode"/>.
/// </summary>
/// <remarks>
/// Shapes and their order are QEMU's, because its error injection shows them to tests: how requests are split at
/// alignments, which named moments are reached.
/// </remarks>
internal sealed partial class RequestShaper
{
    /// <summary>The longest unaligned request that is copied whole; of longer ones only the ends are.</summary>
    private const int MaxPaddedBytes = 1 << 20;

    private readonly BlockNode _node;
    private readonly int _alignment;
    private readonly long _maxTransfer;
    private readonly bool _reachesEvents;
    private readonly bool _copiesOnRead;

    /// <summary>What an image allocates as one, in bytes; for copy-on-read.</summary>
    private readonly long _copyUnit;

    /// <summary>Only where requests can disturb each other: with an alignment, and with copy-on-read.</summary>
    private readonly RequestRanges? _ranges;

    public RequestShaper(BlockNode node)
    {
        _node = node;
        BlockLimits limits = node.Limits;
        _alignment = limits.RequestAlignmentBytes;
        _maxTransfer = limits.MaxTransferBytes == 0
            ? long.MaxValue & -_alignment : limits.MaxTransferBytes & -_alignment;
        // Of its own requests only: what a format above it does becomes requests to it.
        _reachesEvents = node is IBreakpointNode;
        _copiesOnRead = node.CopiesOnRead;
        _copyUnit = Math.Max(BackingChain.SkipFilters(node).Limits.WriteZeroesAlignmentBytes, _alignment);
        _ranges = _alignment > 1 || _copiesOnRead ? new RequestRanges() : null;
    }

    /// <summary>True where reads and writes need no shaping at all.</summary>
    public static bool IsNeeded(BlockNode node)
    {
        BlockLimits limits = node.Limits;
        return limits.RequestAlignmentBytes > 1
            || limits.MaxTransferBytes > 0
            || node.WantsEvents
            || node.CopiesOnRead
            || node.DetectZeroes != DetectZeroesMode.Off;
    }

    public async ValueTask ReadAsync(long offset, IoVector destination, CancellationToken cancellation)
    {
        var range = new ByteRange(offset, destination.Length);
        if (_copiesOnRead)
        {
            using RequestLease lease = await _ranges!.EnterAsync(range, CopyRange(range), exclusive: true)
                .ConfigureAwait(false);
            await CopyOnReadAsync(range, destination, cancellation).ConfigureAwait(false);
            return;
        }

        await ReadWithoutCopyAsync(range, destination, cancellation).ConfigureAwait(false);
    }

    public async ValueTask FlushAsync(CancellationToken cancellation)
    {
        if (_node.WantsEvents && _node.File is { } file)
        {
            await file.ReachAsync(BlockEvent.FlushToOs, cancellation).ConfigureAwait(false);
            await file.ReachAsync(BlockEvent.FlushToDisk, cancellation).ConfigureAwait(false);
        }

        await _node.FlushCoreAsync(cancellation).ConfigureAwait(false);
    }

    public async ValueTask ReadWithoutCopyAsync(ByteRange range, IoVector destination, CancellationToken cancellation)
    {
        if (range.IsAligned(_alignment))
        {
            await ReadAlignedAsync(range, destination, cancellation).ConfigureAwait(false);
            return;
        }

        ByteRange left = range;
        while (!left.IsEmpty)
        {
            ByteRange part = NextPart(left);
            IoVector target = destination.Slice(new ByteRange(part.Offset - range.Offset, part.Length));
            if (part.IsAligned(_alignment))
                await ReadAlignedAsync(part, target, cancellation).ConfigureAwait(false);
            else
                await ReadPaddedAsync(part, target, cancellation).ConfigureAwait(false);
            left = ByteRange.FromEnd(part.End, range.End);
        }
    }

    /// <summary>
    /// The first part of an unaligned run that is handled as one: all of it where it is short, else the unaligned
    /// start, the aligned middle, the unaligned end.
    /// </summary>
    private ByteRange NextPart(ByteRange left)
    {
        if (left.AlignOutward(_alignment).Length <= MaxPaddedBytes)
            return left;
        ByteRange middle = left.AlignInward(_alignment);
        return middle.Offset == left.Offset ? middle : ByteRange.FromEnd(left.Offset, middle.Offset);
    }

    private async ValueTask ReadPaddedAsync(ByteRange range, IoVector destination, CancellationToken cancellation)
    {
        ByteRange padded = range.AlignOutward(_alignment);
        using IoBuffer buffer = IoBufferPool.Shared.Rent((int)padded.Length);
        await ReadAlignedAsync(padded, buffer.Memory, cancellation).ConfigureAwait(false);
        destination.CopyFrom(buffer.Span[(int)(range.Offset - padded.Offset)..]);
    }

    private async ValueTask ReadAlignedAsync(ByteRange range, IoVector destination, CancellationToken cancellation)
    {
        for (long done = 0; done < range.Length; done += _maxTransfer)
        {
            long length = Math.Min(range.Length - done, _maxTransfer);
            IoVector part = length == range.Length ? destination : destination.Slice(new ByteRange(done, length));
            await _node.ReadCoreAsync(range.Offset + done, part, cancellation).ConfigureAwait(false);
            if (length < _maxTransfer)
                return;
        }
    }

    private ValueTask ReachAsync(BlockEvent moment, CancellationToken cancellation) =>
        _reachesEvents ? _node.ReachAsync(moment, cancellation) : default;

    private ValueTask<RequestLease?> LeaseWriteAsync(ByteRange range)
    {
        if (_ranges is null)
            return new ValueTask<RequestLease?>((RequestLease?)null);
        bool aligned = range.IsAligned(_alignment);
        ByteRange blocks = _copiesOnRead ? CopyRange(range) : range.AlignOutward(_alignment);
        return LeaseAsync(range, blocks, exclusive: !aligned);
    }

    private async ValueTask<RequestLease?> LeaseAsync(ByteRange range, ByteRange blocks, bool exclusive) =>
        await _ranges!.EnterAsync(range, blocks, exclusive).ConfigureAwait(false);
}
