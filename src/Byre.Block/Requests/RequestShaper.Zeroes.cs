using Byre.Block.Buffers;
using Byre.Block.Errors;
using Byre.Block.Graph;

namespace Byre.Block.Requests;

/// <content>Write-zeroes and discards: split at the driver's alignments; zeroes fall back to buffers.</content>
internal sealed partial class RequestShaper
{
    public async ValueTask WriteZeroesAsync(ByteRange range, RequestFlags flags, CancellationToken cancellation)
    {
        // A node opened with discard=ignore keeps its space.
        if ((_node.OpenedFlags & OpenFlags.Unmap) == 0)
            flags &= ~RequestFlags.MayUnmap;
        bool flushAfter = TakeForceUnitAccess(ref flags);
        using (RequestLease? lease = await LeaseWriteAsync(range).ConfigureAwait(false))
        {
            if (range.IsAligned(_alignment))
                await WriteZeroesAlignedAsync(range, flags, cancellation).ConfigureAwait(false);
            else
                await WriteZeroesUnalignedAsync(range, flags, cancellation).ConfigureAwait(false);
        }

        if (flushAfter)
            await _node.FlushAsync(cancellation).ConfigureAwait(false);
    }

    public async ValueTask DiscardAsync(ByteRange range, CancellationToken cancellation)
    {
        // Bytes that do not fill a block of the device are kept: discarding is advice.
        range = range.AlignInward(_alignment);
        BlockLimits limits = _node.Limits;
        long alignment = Math.Max(limits.DiscardAlignmentBytes, _alignment);
        long max = limits.MaxDiscardBytes == 0 ? long.MaxValue : limits.MaxDiscardBytes;
        using RequestLease? lease = await LeaseWriteAsync(range).ConfigureAwait(false);
        while (!range.IsEmpty)
        {
            ByteRange part = SplitAt(range, alignment, max, long.MaxValue);
            try
            {
                await _node.DiscardCoreAsync(part, cancellation).ConfigureAwait(false);
            }
            catch (BlockException refusal) when (refusal.Errno == Errno.NotSupported)
            {
                // A part that the driver cannot discard stays as it is; the others may still go.
            }

            range = ByteRange.FromEnd(part.End, range.End);
        }
    }

    /// <summary>
    /// The first part of <paramref name="range"/> to be passed down: up to the first multiple of
    /// <paramref name="alignment"/>, then the aligned bulk, then the rest; never longer than <paramref name="max"/>.
    /// </summary>
    private static ByteRange SplitAt(ByteRange range, long alignment, long max, long maxHead)
    {
        long length = range.Length;
        long head = range.Offset % alignment;
        long tail = range.End % alignment;
        if (head != 0)
            length = Math.Min(Math.Min(length, maxHead), alignment - head);
        else if (tail != 0 && length > alignment)
            length -= tail;
        long alignedMax = Math.Max(max - (max % alignment), Math.Min(max, alignment));
        return new ByteRange(range.Offset, Math.Min(length, alignedMax));
    }

    private async ValueTask WriteZeroesUnalignedAsync(
        ByteRange range, RequestFlags flags, CancellationToken cancellation)
    {
        ByteRange left = range;
        while (!left.IsEmpty)
        {
            ByteRange middle = left.AlignInward(_alignment);
            ByteRange part = middle.IsEmpty ? left
                : middle.Offset == left.Offset ? middle
                : ByteRange.FromEnd(left.Offset, middle.Offset);
            if (part.IsAligned(_alignment))
                await WriteZeroesAlignedAsync(part, flags, cancellation).ConfigureAwait(false);
            else
                await WritePaddedAsync(part, ZeroBuffer.Take(part.Length), Plain(flags), cancellation)
                    .ConfigureAwait(false);
            left = ByteRange.FromEnd(part.End, range.End);
        }
    }

    private async ValueTask WriteZeroesAlignedAsync(ByteRange range, RequestFlags flags, CancellationToken cancellation)
    {
        await ReachAsync(BlockEvent.PwritevZero, cancellation).ConfigureAwait(false);
        BlockLimits limits = _node.Limits;
        long alignment = Math.Max(limits.WriteZeroesAlignmentBytes, _alignment);
        long max = limits.MaxWriteZeroesBytes == 0 ? long.MaxValue : limits.MaxWriteZeroesBytes;
        long maxBuffer = Math.Min(_maxTransfer, ZeroBuffer.MaxBytes);
        ByteRange left = range;
        while (!left.IsEmpty)
        {
            ByteRange part = SplitAt(left, alignment, max, maxBuffer);
            if (!await TryWriteZeroesAsync(part, flags, cancellation).ConfigureAwait(false))
            {
                if ((flags & RequestFlags.NoFallback) != 0)
                    throw BlockException.FromErrno(Errno.NotSupported);
                part = new ByteRange(part.Offset, Math.Min(part.Length, maxBuffer));
                await _node.WriteCoreAsync(part.Offset, ZeroBuffer.Take(part.Length), Plain(flags), cancellation)
                    .ConfigureAwait(false);
            }

            left = ByteRange.FromEnd(part.End, left.End);
        }

        await ReachAsync(BlockEvent.PwritevDone, cancellation).ConfigureAwait(false);
    }

    private async ValueTask<bool> TryWriteZeroesAsync(
        ByteRange range, RequestFlags flags, CancellationToken cancellation)
    {
        if (!_node.CanWriteZeroes)
            return false;
        try
        {
            await _node.WriteZeroesCoreAsync(range, flags, cancellation).ConfigureAwait(false);
            return true;
        }
        catch (BlockException refusal) when (refusal.Errno == Errno.NotSupported)
        {
            return false;
        }
    }

    private static RequestFlags Plain(RequestFlags flags) => flags & ~(RequestFlags.MayUnmap | RequestFlags.NoFallback);
}
