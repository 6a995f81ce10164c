using Byre.Block.Requests;
using Byre.Storage.Interop;

namespace Byre.Storage.Tests.Support;

/// <summary>
/// System calls with short counts and failures on demand. An unset property leaves the kernel's answer.
/// </summary>
internal sealed class FaultyCalls : SystemCalls
{
    /// <summary>Bytes that one transfer moves at most.</summary>
    public int MaxTransferBytes { get; init; } = int.MaxValue;

    public int SynchroniseError { get; set; }

    public int SynchroniseCount { get; private set; }

    public int TransferCount { get; private set; }

    public int SeekCount { get; private set; }

    public int LargestSegmentCount { get; private set; }

    /// <summary>Modes of allocation that the file system cannot do.</summary>
    public HashSet<AllocateMode> Unsupported { get; } = [];

    public List<AllocateMode> Allocations { get; } = [];

    public List<ByteRange> Unlocked { get; } = [];

    public override long Read(int fd, Span<byte> destination, long offset)
    {
        TransferCount++;
        return base.Read(fd, destination[..Math.Min(destination.Length, MaxTransferBytes)], offset);
    }

    public override long Write(int fd, ReadOnlySpan<byte> source, long offset)
    {
        TransferCount++;
        return base.Write(fd, source[..Math.Min(source.Length, MaxTransferBytes)], offset);
    }

    public override long ReadVector(int fd, ReadOnlySpan<IoSegment> segments, long offset)
    {
        Count(segments);
        return base.ReadVector(fd, Shorten(segments), offset);
    }

    public override long WriteVector(int fd, ReadOnlySpan<IoSegment> segments, long offset)
    {
        Count(segments);
        return base.WriteVector(fd, Shorten(segments), offset);
    }

    public override int Synchronise(int fd)
    {
        SynchroniseCount++;
        return SynchroniseError != 0 ? -SynchroniseError : base.Synchronise(fd);
    }

    public override int Allocate(int fd, AllocateMode mode, ByteRange range)
    {
        Allocations.Add(mode);
        return Unsupported.Contains(mode) ? -Block.Errors.Errno.NotSupported : base.Allocate(fd, mode, range);
    }

    public override int Unlock(int fd, ByteRange range)
    {
        Unlocked.Add(range);
        return base.Unlock(fd, range);
    }

    public override long Seek(int fd, long offset, SeekKind kind)
    {
        SeekCount++;
        return base.Seek(fd, offset, kind);
    }

    private void Count(ReadOnlySpan<IoSegment> segments)
    {
        TransferCount++;
        LargestSegmentCount = Math.Max(LargestSegmentCount, segments.Length);
    }

    // A short count that ends inside a segment: the last segment is cut.
    private ReadOnlySpan<IoSegment> Shorten(ReadOnlySpan<IoSegment> segments)
    {
        var kept = new List<IoSegment>();
        nuint left = (nuint)MaxTransferBytes;
        foreach (IoSegment segment in segments)
        {
            if (left == 0)
                break;
            IoSegment cut = segment.Shorten(left);
            kept.Add(cut);
            left -= cut.LengthBytes;
        }

        return kept.ToArray();
    }
}
