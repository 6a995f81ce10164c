using Byre.Block.Buffers;
using Byre.Block.Graph;

namespace Byre.Block.Requests;

/// <content>Writes: read-modify-write of unaligned ones, splitting, detection of zeroes, emulation of FUA.</content>
internal sealed partial class RequestShaper
{
    public async ValueTask WriteAsync(
        long offset, IoVector source, RequestFlags flags, CancellationToken cancellation)
    {
        bool flushAfter = TakeForceUnitAccess(ref flags);
        var range = new ByteRange(offset, source.Length);
        using (RequestLease? lease = await LeaseWriteAsync(range).ConfigureAwait(false))
        {
            if (range.IsAligned(_alignment))
                await WriteAlignedAsync(range, source, flags, cancellation).ConfigureAwait(false);
            else
                await WriteUnalignedAsync(range, source, flags, cancellation).ConfigureAwait(false);
        }

        if (flushAfter)
            await _node.FlushAsync(cancellation).ConfigureAwait(false);
    }

    /// <summary>
    /// Takes the flag away where the driver lacks it; true where a flush after the request has to stand in for it.
    /// </summary>
    private bool TakeForceUnitAccess(ref RequestFlags flags)
    {
        if ((flags & RequestFlags.ForceUnitAccess) == 0)
            return false;
        bool neverFlush = (_node.OpenedFlags & OpenFlags.CacheNoFlush) != 0;
        if (_node.SupportsForceUnitAccess && !neverFlush)
            return false;
        flags &= ~RequestFlags.ForceUnitAccess;
        return !neverFlush;
    }

    private async ValueTask WriteUnalignedAsync(
        ByteRange range, IoVector source, RequestFlags flags, CancellationToken cancellation)
    {
        ByteRange left = range;
        while (!left.IsEmpty)
        {
            ByteRange part = NextPart(left);
            IoVector data = source.Slice(new ByteRange(part.Offset - range.Offset, part.Length));
            if (part.IsAligned(_alignment))
                await WriteAlignedAsync(part, data, flags, cancellation).ConfigureAwait(false);
            else
                await WritePaddedAsync(part, data, flags, cancellation).ConfigureAwait(false);
            left = ByteRange.FromEnd(part.End, range.End);
        }
    }

    /// <summary>Reads what surrounds the data in its first and last block, and writes all of it as one.</summary>
    private async ValueTask WritePaddedAsync(
        ByteRange range, IoVector source, RequestFlags flags, CancellationToken cancellation)
    {
        ByteRange padded = range.AlignOutward(_alignment);
        using IoBuffer buffer = IoBufferPool.Shared.Rent((int)padded.Length);
        await ReadPaddingAsync(range, buffer.Memory, cancellation).ConfigureAwait(false);
        source.CopyTo(buffer.Span[(int)(range.Offset - padded.Offset)..]);
        await WriteAlignedAsync(padded, buffer.Memory, flags, cancellation).ConfigureAwait(false);
    }

    /// <summary>
    /// Fills the first and the last block of <paramref name="buffer"/>, which begins where the first block does.
    /// </summary>
    private async ValueTask ReadPaddingAsync(ByteRange range, Memory<byte> buffer, CancellationToken cancellation)
    {
        ByteRange padded = range.AlignOutward(_alignment);
        bool hasHead = padded.Offset < range.Offset;
        bool hasTail = range.End < padded.End;

        // Two blocks or one are read as one.
        bool merged = padded.Length <= 2 * _alignment && (padded.Length == _alignment || (hasHead && hasTail));
        if (hasHead || merged)
        {
            if (hasHead)
                await ReachAsync(BlockEvent.PwritevRmwHead, cancellation).ConfigureAwait(false);
            if (merged && hasTail)
                await ReachAsync(BlockEvent.PwritevRmwTail, cancellation).ConfigureAwait(false);
            var head = new ByteRange(padded.Offset, merged ? padded.Length : _alignment);
            await ReadAlignedAsync(head, buffer[..(int)head.Length], cancellation).ConfigureAwait(false);
            if (hasHead)
                await ReachAsync(BlockEvent.PwritevRmwAfterHead, cancellation).ConfigureAwait(false);
            if (merged && hasTail)
                await ReachAsync(BlockEvent.PwritevRmwAfterTail, cancellation).ConfigureAwait(false);
        }

        if (hasTail && !merged)
        {
            await ReachAsync(BlockEvent.PwritevRmwTail, cancellation).ConfigureAwait(false);
            var tail = new ByteRange(padded.End - _alignment, _alignment);
            await ReadAlignedAsync(tail, buffer[^_alignment..], cancellation).ConfigureAwait(false);
            await ReachAsync(BlockEvent.PwritevRmwAfterTail, cancellation).ConfigureAwait(false);
        }
    }

    private async ValueTask WriteAlignedAsync(
        ByteRange range, IoVector source, RequestFlags flags, CancellationToken cancellation)
    {
        if (_node.DetectZeroes != DetectZeroesMode.Off
            && (flags & RequestFlags.Compressed) == 0
            && ZeroDetector.IsZero(source))
        {
            RequestFlags unmap = _node.DetectZeroes == DetectZeroesMode.Unmap
                ? RequestFlags.MayUnmap : RequestFlags.None;
            await WriteZeroesAlignedAsync(range, flags | unmap, cancellation).ConfigureAwait(false);
            return;
        }

        await ReachAsync(BlockEvent.Pwritev, cancellation).ConfigureAwait(false);
        for (long done = 0; done < range.Length;)
        {
            long length = Math.Min(range.Length - done, _maxTransfer);
            IoVector part = length == range.Length ? source : source.Slice(new ByteRange(done, length));
            await _node.WriteCoreAsync(range.Offset + done, part, flags, cancellation).ConfigureAwait(false);
            done += length;
        }

        await ReachAsync(BlockEvent.PwritevDone, cancellation).ConfigureAwait(false);
    }
}
