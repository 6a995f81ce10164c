using Byre.Block.Buffers;
using Byre.Block.Errors;
using Byre.Block.Requests;
using Byre.Qcow2.Layout;

namespace Byre.Qcow2.Io;

/// <content>
/// The data write of a plan: copied head, guest data and copied tail in one vectored write, after one read where head
/// and tail are close, two otherwise. Zeroes that are zeroes already are not written.
/// </content>
internal sealed partial class Qcow2Node
{
    /// <summary>Guest data between head and tail up to which one read of both is cheaper than two.</summary>
    private const long MergeReadBytes = 16 << 10;

    /// <summary>Zeroes up to which writing them beats a call to the file system.</summary>
    private const long WriteZeroesBytes = 64 << 10;

    /// <summary>Writes the data of plans that adjoin, with the head of the first and the tail of the last.</summary>
    private ValueTask WriteWithCopiesAsync(AllocationPlan first, IoVector source, CancellationToken cancellation)
    {
        AllocationPlan last = first.Last;
        bool copyHead = first.HeadBytes > 0 && !(first.HeadIsZero && first.HeadIsBlank);
        bool copyTail = last.TailBytes > 0 && !(last.TailIsZero && last.TailIsBlank);
        return copyHead || copyTail
            ? CopyAndWriteAsync(first, copyHead, last, copyTail, source, cancellation)
            : WriteDataAsync(first.Host, source, cancellation);
    }

    private async ValueTask CopyAndWriteAsync(
        AllocationPlan first,
        bool copyHead,
        AllocationPlan last,
        bool copyTail,
        IoVector source,
        CancellationToken cancellation)
    {
        HostOffset dataEnd = first.Host + source.Length;
        if (copyHead && first.HeadIsZero && first.HeadBytes > WriteZeroesBytes)
            copyHead = !await TryZeroHostAsync(first.Host + -first.HeadBytes, first.HeadBytes, cancellation)
                .ConfigureAwait(false);
        if (copyTail && last.TailIsZero && last.TailBytes > WriteZeroesBytes)
            copyTail = !await TryZeroHostAsync(dataEnd, last.TailBytes, cancellation).ConfigureAwait(false);

        var head = new CopiedPart(first.Guest + -first.HeadBytes, copyHead ? first.HeadBytes : 0, first.HeadIsZero);
        var tail = new CopiedPart(first.Guest + source.Length, copyTail ? last.TailBytes : 0, last.TailIsZero);
        IoBuffer? headBuffer = null;
        IoBuffer? tailBuffer = null;
        try
        {
            (headBuffer, tailBuffer) = await ReadCopiesAsync(head, tail, cancellation).ConfigureAwait(false);
            Memory<byte> headBytes = headBuffer is null ? default : headBuffer.Memory[..(int)head.Bytes];
            Memory<byte> tailBytes = (tailBuffer ?? (copyTail ? headBuffer : null)) is { } holder
                ? holder.Memory[^(int)tail.Bytes..]
                : default;
            IoVector all = Join(headBytes, source, tailBytes);
            await WriteDataAsync(first.Host + -headBytes.Length, all, cancellation).ConfigureAwait(false);
        }
        finally
        {
            headBuffer?.Return();
            tailBuffer?.Return();
        }
    }

    /// <summary>Reads head and tail; one buffer for both, with the gap between them, where that is cheaper.</summary>
    private async ValueTask<(IoBuffer? Head, IoBuffer? Tail)> ReadCopiesAsync(
        CopiedPart head, CopiedPart tail, CancellationToken cancellation)
    {
        bool readsBoth = head is { Bytes: > 0, IsZero: false } && tail is { Bytes: > 0, IsZero: false };
        long gap = tail.Guest.Value - head.Guest.Value - head.Bytes;
        if (readsBoth && gap <= MergeReadBytes)
        {
            long bytes = head.Bytes + gap + tail.Bytes;
            return (await ReadCopyAsync(head.Guest, bytes, cancellation).ConfigureAwait(false), null);
        }

        IoBuffer? headBuffer = null;
        try
        {
            headBuffer = await GetCopyAsync(head, cancellation).ConfigureAwait(false);
            return (headBuffer, await GetCopyAsync(tail, cancellation).ConfigureAwait(false));
        }
        catch
        {
            headBuffer?.Return();
            throw;
        }
    }

    private async ValueTask<IoBuffer?> GetCopyAsync(CopiedPart part, CancellationToken cancellation)
    {
        if (part.Bytes == 0)
            return null;
        return part.IsZero
            ? IoBufferPool.Shared.RentZeroed((int)part.Bytes)
            : await ReadCopyAsync(part.Guest, part.Bytes, cancellation).ConfigureAwait(false);
    }

    private async ValueTask<IoBuffer> ReadCopyAsync(GuestOffset guest, long bytes, CancellationToken cancellation)
    {
        IoBuffer buffer = IoBufferPool.Shared.Rent((int)bytes);
        try
        {
            await _file.ReachAsync(BlockEvent.CowRead, cancellation).ConfigureAwait(false);
            await ReadGuestAsync(guest, buffer.Memory, cancellation).ConfigureAwait(false);
            Interlocked.Add(ref _copiedBytes, bytes);
            return buffer;
        }
        catch
        {
            buffer.Return();
            throw;
        }
    }

    private async ValueTask<bool> TryZeroHostAsync(HostOffset start, long bytes, CancellationToken cancellation)
    {
        await _file.ReachAsync(BlockEvent.ClusterAllocSpace, cancellation).ConfigureAwait(false);
        try
        {
            await _data.WriteZeroesAsync(new ByteRange(start.Value, bytes), RequestFlags.NoFallback, cancellation)
                .ConfigureAwait(false);
            return true;
        }
        catch (BlockException failure) when (failure.Errno == Errno.NotSupported)
        {
            return false;
        }
    }

    private static IoVector Join(Memory<byte> head, IoVector source, Memory<byte> tail)
    {
        if (head.IsEmpty && tail.IsEmpty)
            return source;
        var segments = new List<Memory<byte>>(source.SegmentCount + 2);
        if (!head.IsEmpty)
            segments.Add(head);
        foreach (Memory<byte> segment in source)
            segments.Add(segment);
        if (!tail.IsEmpty)
            segments.Add(tail);
        return new IoVector(segments.ToArray());
    }

    /// <summary>What is copied before or behind the data.</summary>
    /// <param name="Guest">Its first guest byte.</param>
    /// <param name="Bytes">Its length; 0 for nothing.</param>
    /// <param name="IsZero">It is known to be zeroes.</param>
    private readonly record struct CopiedPart(GuestOffset Guest, long Bytes, bool IsZero);
}
