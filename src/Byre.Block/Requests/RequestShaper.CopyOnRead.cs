using Byre.Block.Buffers;
using Byre.Block.Errors;

namespace Byre.Block.Requests;

/// <content>
/// Copy-on-read: what a read finds not allocated in the node is stored there. The lease on the whole clusters keeps
/// guest writes from coming between the read and the write.
/// </content>
internal sealed partial class RequestShaper
{
    /// <summary>What is read and written as one here, in bytes.</summary>
    private const int MaxCopyBytes = 16 << 20;

    /// <summary>Whole units of allocation, so that storing them needs nothing from the backing file.</summary>
    private ByteRange CopyRange(ByteRange range) => range.AlignOutward(_copyUnit);

    private async ValueTask CopyOnReadAsync(ByteRange range, IoVector destination, CancellationToken cancellation)
    {
        ByteRange left = CopyRange(range);
        left = ByteRange.FromEnd(left.Offset, Math.Max(range.End, Math.Min(left.End, _node.LengthBytes)));
        while (!left.IsEmpty)
        {
            var question = new ByteRange(left.Offset, Math.Min(left.Length, Math.Min(MaxCopyBytes, _maxTransfer)));
            BlockExtent extent = await AllocationAsync(question, cancellation).ConfigureAwait(false);
            ByteRange part = extent.Length == 0 ? question : extent.Range;
            ByteRange wanted = part.Intersect(range);
            IoVector target = destination.Slice(
                new ByteRange(Math.Max(0, wanted.Offset - range.Offset), wanted.Length));
            bool isCopied = extent.Length == 0 || extent.Has(BlockStatus.Allocated);
            if (!isCopied)
                await CopyPartAsync(part, wanted, target, cancellation).ConfigureAwait(false);
            else if (!wanted.IsEmpty)
                await ReadWithoutCopyAsync(wanted, target, cancellation).ConfigureAwait(false);
            left = ByteRange.FromEnd(part.End, left.End);
        }
    }

    private async ValueTask<BlockExtent> AllocationAsync(ByteRange range, CancellationToken cancellation)
    {
        try
        {
            return await _node.GetAllocationAsync(range, cancellation).ConfigureAwait(false);
        }
        catch (BlockException)
        {
            // Taken for not allocated: the read that follows fails with an error that says more.
            return new BlockExtent { Range = range, Status = BlockStatus.None };
        }
    }

    private async ValueTask CopyPartAsync(
        ByteRange part, ByteRange wanted, IoVector target, CancellationToken cancellation)
    {
        using IoBuffer buffer = IoBufferPool.Shared.Rent((int)part.Length);
        await ReadAlignedAsync(part, buffer.Memory, cancellation).ConfigureAwait(false);
        await ReachAsync(BlockEvent.CorWrite, cancellation).ConfigureAwait(false);
        bool zeroed = _node.CanWriteZeroes
            && ZeroDetector.IsZero(buffer.Span)
            && await TryWriteZeroesAsync(part, RequestFlags.CopyOnRead, cancellation).ConfigureAwait(false);
        if (!zeroed)
        {
            await _node.WriteCoreAsync(part.Offset, buffer.Memory, RequestFlags.CopyOnRead, cancellation)
                .ConfigureAwait(false);
        }

        target.CopyFrom(buffer.Span[(int)(wanted.Offset - part.Offset)..]);
    }
}
