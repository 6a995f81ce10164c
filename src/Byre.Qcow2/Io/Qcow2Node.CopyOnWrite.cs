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

    private async ValueTask WriteWithCopiesAsync(AllocationPlan plan, IoVector source, CancellationToken cancellation)
    {
        if (plan.HeadBytes == 0 && plan.TailBytes == 0)
        {
            await _data.ReachAsync(BlockEvent.WriteAio, cancellation).ConfigureAwait(false);
            await _data.WriteAsync(plan.Host.Value, source, RequestFlags.None, cancellation).ConfigureAwait(false);
            return;
        }

        bool pristine = plan.NewRun.IsPristine;
        bool copyHead = plan.HeadBytes > 0 && !(plan.HeadIsZero && pristine);
        bool copyTail = plan.TailBytes > 0 && !(plan.TailIsZero && pristine);
        if (copyHead && plan.HeadIsZero && plan.HeadBytes > WriteZeroesBytes)
            copyHead = !await TryZeroHostAsync(plan.Host + -plan.HeadBytes, plan.HeadBytes, cancellation)
                .ConfigureAwait(false);
        if (copyTail && plan.TailIsZero && plan.TailBytes > WriteZeroesBytes)
            copyTail = !await TryZeroHostAsync(plan.Host + plan.DataBytes, plan.TailBytes, cancellation)
                .ConfigureAwait(false);

        IoBuffer? head = null;
        IoBuffer? tail = null;
        try
        {
            (head, tail) = await ReadCopiesAsync(plan, copyHead, copyTail, cancellation).ConfigureAwait(false);
            Memory<byte> headBytes = head is null ? default : head.Memory[..(int)plan.HeadBytes];
            Memory<byte> tailBytes = (tail ?? (copyTail ? head : null)) is { } holder
                ? holder.Memory[^(int)plan.TailBytes..]
                : default;
            IoVector all = Join(headBytes, source, tailBytes);
            HostOffset start = plan.Host + -headBytes.Length;
            await _data.ReachAsync(BlockEvent.WriteAio, cancellation).ConfigureAwait(false);
            await _data.WriteAsync(start.Value, all, RequestFlags.None, cancellation).ConfigureAwait(false);
        }
        finally
        {
            head?.Return();
            tail?.Return();
        }
    }

    /// <summary>Reads head and tail; one buffer for both, with the gap between them, where that is cheaper.</summary>
    private async ValueTask<(IoBuffer? Head, IoBuffer? Tail)> ReadCopiesAsync(
        AllocationPlan plan, bool copyHead, bool copyTail, CancellationToken cancellation)
    {
        GuestOffset headStart = plan.Guest + -plan.HeadBytes;
        GuestOffset tailStart = plan.Guest + plan.DataBytes;
        bool readHead = copyHead && !plan.HeadIsZero;
        bool readTail = copyTail && !plan.TailIsZero;
        if (readHead && readTail && plan.DataBytes <= MergeReadBytes)
        {
            long bytes = plan.HeadBytes + plan.DataBytes + plan.TailBytes;
            return (await ReadCopyAsync(headStart, bytes, cancellation).ConfigureAwait(false), null);
        }

        IoBuffer? head = null;
        try
        {
            if (copyHead)
            {
                head = readHead
                    ? await ReadCopyAsync(headStart, plan.HeadBytes, cancellation).ConfigureAwait(false)
                    : IoBufferPool.Shared.RentZeroed((int)plan.HeadBytes);
            }

            if (!copyTail)
                return (head, null);
            IoBuffer tail = readTail
                ? await ReadCopyAsync(tailStart, plan.TailBytes, cancellation).ConfigureAwait(false)
                : IoBufferPool.Shared.RentZeroed((int)plan.TailBytes);
            return (head, tail);
        }
        catch
        {
            head?.Return();
            throw;
        }
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
}
