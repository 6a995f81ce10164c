using Byre.Block.Buffers;
using Byre.Block.Errors;
using Byre.Block.Requests;

namespace Byre.Storage.Interop;

/// <summary>
/// Whole transfers between a file and memory: goes on after short counts, feeds the kernel no more segments than it
/// takes, and copies through an aligned buffer where direct I/O forbids the caller's memory. Immutable and
/// thread-safe; a single segment costs one system call and no allocation.
/// </summary>
/// <param name="calls">The system calls.</param>
/// <param name="alignment">What the open file demands.</param>
/// <param name="pool">Where aligned buffers come from.</param>
internal sealed unsafe class FileTransfer(SystemCalls calls, DirectAlignment alignment, IoBufferPool pool)
{
    private const int BounceBytes = 1 << 20;

    public DirectAlignment Alignment => alignment;

    /// <summary>
    /// False where the memory has to be copied, because direct I/O forbids it or has too many pieces. Holds for as long
    /// as the memory is not moved: the caller has pinned it.
    /// </summary>
    public bool Accepts(in IoVector memory)
    {
        if (memory.IsSingle)
        {
            fixed (byte* start = memory.Single.Span)
                return IsAligned(start);
        }

        int count = 0;
        nuint bits = 0;
        foreach (Memory<byte> segment in memory)
        {
            fixed (byte* start = segment.Span)
                bits |= (nuint)start | (nuint)segment.Length;
            count++;
        }

        return count <= SystemCalls.MaxSegments
            && (!alignment.IsDirect || (bits & (nuint)(alignment.StrictestBytes - 1)) == 0);
    }

    /// <summary>Reads up to the end of the file. Returns the bytes read, or a negative error number.</summary>
    public long Read(int fd, long offset, in IoVector destination)
    {
        if (!destination.IsSingle)
            return ReadVector(fd, offset, destination);
        Span<byte> span = destination.Single.Span;
        fixed (byte* start = span)
        {
            if (IsAligned(start))
                return ReadSpan(fd, offset, span);
        }

        return ReadBounced(fd, offset, destination);
    }

    /// <summary>
    /// Writes everything. Returns 0, or a negative error number: then any part may have been written.
    /// </summary>
    public int Write(int fd, long offset, in IoVector source)
    {
        if (!source.IsSingle)
            return WriteVector(fd, offset, source);
        ReadOnlySpan<byte> span = source.Single.Span;
        fixed (byte* start = span)
        {
            if (IsAligned(start))
                return WriteSpan(fd, offset, span);
        }

        return WriteBounced(fd, offset, source);
    }

    private bool IsAligned(byte* start) => ((nuint)start & (nuint)(alignment.MemoryBytes - 1)) == 0;

    // A count that is no multiple of the request alignment can only be the end of the file: the kernel would refuse
    // to go on from there with EINVAL.
    private bool IsTail(long done) => (done & (alignment.RequestBytes - 1)) != 0;

    private long ReadSpan(int fd, long offset, Span<byte> destination)
    {
        int done = 0;
        while (done < destination.Length)
        {
            long count = calls.Read(fd, destination[done..], offset + done);
            if (count < 0)
                return count;
            done += (int)count;
            if (count == 0 || IsTail(done))
                break;
        }

        return done;
    }

    private int WriteSpan(int fd, long offset, ReadOnlySpan<byte> source)
    {
        int done = 0;
        while (done < source.Length)
        {
            long count = calls.Write(fd, source[done..], offset + done);
            if (count <= 0)
                return count < 0 ? (int)count : -Errno.NoSpace;
            done += (int)count;
        }

        return 0;
    }

    private long ReadVector(int fd, long offset, in IoVector destination)
    {
        Span<IoSegment> list = stackalloc IoSegment[Math.Min(destination.SegmentCount, SystemCalls.MaxSegments)];
        long done = 0;
        while (done < destination.Length)
        {
            IoVector rest = destination.From(done);
            using var pinned = new PinnedSegments(rest, list);
            if (alignment.IsDirect && !pinned.AreAligned(alignment.StrictestBytes))
            {
                long bounced = ReadBounced(fd, offset + done, rest);
                return bounced < 0 ? bounced : done + bounced;
            }

            long count = calls.ReadVector(fd, pinned.Segments, offset + done);
            if (count < 0)
                return count;
            done += count;
            if (count == 0 || IsTail(done))
                break;
        }

        return done;
    }

    private int WriteVector(int fd, long offset, in IoVector source)
    {
        Span<IoSegment> list = stackalloc IoSegment[Math.Min(source.SegmentCount, SystemCalls.MaxSegments)];
        long done = 0;
        while (done < source.Length)
        {
            IoVector rest = source.From(done);
            using var pinned = new PinnedSegments(rest, list);
            if (alignment.IsDirect && !pinned.AreAligned(alignment.StrictestBytes))
                return WriteBounced(fd, offset + done, rest);
            long count = calls.WriteVector(fd, pinned.Segments, offset + done);
            if (count <= 0)
                return count < 0 ? (int)count : -Errno.NoSpace;
            done += count;
        }

        return 0;
    }

    private long ReadBounced(int fd, long offset, in IoVector destination)
    {
        IoBuffer buffer = pool.Rent((int)Math.Min(destination.Length, BounceBytes));
        try
        {
            long done = 0;
            while (done < destination.Length)
            {
                int length = (int)Math.Min(destination.Length - done, buffer.LengthBytes);
                long count = ReadSpan(fd, offset + done, buffer.Span[..length]);
                if (count < 0)
                    return count;
                destination.Slice(new ByteRange(done, count)).CopyFrom(buffer.Span);
                done += count;
                if (count < length)
                    break;
            }

            return done;
        }
        finally
        {
            buffer.Return();
        }
    }

    private int WriteBounced(int fd, long offset, in IoVector source)
    {
        IoBuffer buffer = pool.Rent((int)Math.Min(source.Length, BounceBytes));
        try
        {
            long done = 0;
            while (done < source.Length)
            {
                int length = (int)Math.Min(source.Length - done, buffer.LengthBytes);
                source.Slice(new ByteRange(done, length)).CopyTo(buffer.Span);
                int result = WriteSpan(fd, offset + done, buffer.Span[..length]);
                if (result < 0)
                    return result;
                done += length;
            }

            return 0;
        }
        finally
        {
            buffer.Return();
        }
    }
}
