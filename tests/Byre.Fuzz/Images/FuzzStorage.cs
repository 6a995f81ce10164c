using Byre.Block.Buffers;
using Byre.Block.Errors;
using Byre.Block.Graph;
using Byre.Block.Requests;
using Byre.Storage.Memory;

namespace Byre.Fuzz.Images;

/// <summary>
/// An image file in memory, with the limits of a host: it has a largest length and so much space. Counts its requests.
/// Completes everything at once; for one thread at a time.
/// </summary>
internal sealed class FuzzStorage : BlockNode
{
    /// <summary>What a common file system allows.</summary>
    public const long MaxLengthBytes = 16L << 40;

    private const int MaxRequests = 200_000;

    private const int MaxPagesMade = (64 << 20) / SparseImage.PageBytes;

    public FuzzStorage(SparseImage image)
    {
        Image = image;
        OpenedFlags = OpenFlags.ReadWrite | OpenFlags.Unmap | OpenFlags.Resize;
    }

    public SparseImage Image { get; }

    /// <summary>Requests so far.</summary>
    public int Requests { get; private set; }

    /// <summary>Requests so far that changed something.</summary>
    public int Changes { get; private set; }

    /// <inheritdoc/>
    public override BlockDriver Driver => MemoryDriver.Instance;

    /// <inheritdoc/>
    public override long LengthBytes => Image.LengthBytes;

    /// <inheritdoc/>
    public override bool HasZeroInitialisation => true;

    /// <inheritdoc/>
    public override bool HasZeroInitialisedGrowth => true;

    /// <inheritdoc/>
    public override bool CanUnmapZeroes => true;

    /// <inheritdoc/>
    public override ValueTask<long?> GetAllocatedBytesAsync(CancellationToken cancellation = default) =>
        new((long)Image.PageCount * SparseImage.PageBytes);

    /// <inheritdoc/>
    public override ValueTask DisposeAsync() => default;

    /// <inheritdoc/>
    protected internal override ValueTask ReadCoreAsync(
        long offset, IoVector destination, CancellationToken cancellation)
    {
        Begin();
        CheckOffset(offset, destination.Length);
        foreach (Memory<byte> segment in destination)
        {
            Image.Read(offset, segment.Span);
            offset += segment.Length;
        }

        return default;
    }

    /// <inheritdoc/>
    protected internal override ValueTask WriteCoreAsync(
        long offset, IoVector source, RequestFlags flags, CancellationToken cancellation)
    {
        BeginChange(offset, source.Length);
        foreach (Memory<byte> segment in source)
        {
            Image.Write(offset, segment.Span);
            offset += segment.Length;
        }

        return default;
    }

    /// <inheritdoc/>
    protected internal override ValueTask WriteZeroesCoreAsync(
        ByteRange range, RequestFlags flags, CancellationToken cancellation)
    {
        BeginChange(range.Offset, range.Length);
        Image.Clear(range.Offset, range.Length);
        if (range.End > Image.LengthBytes)
            Image.SetLength(range.End);
        return default;
    }

    /// <inheritdoc/>
    protected internal override ValueTask DiscardCoreAsync(ByteRange range, CancellationToken cancellation)
    {
        BeginChange(range.Offset, range.Length);
        Image.Clear(range.Offset, range.Length);
        return default;
    }

    /// <inheritdoc/>
    protected internal override ValueTask FlushCoreAsync(CancellationToken cancellation)
    {
        Begin();
        return default;
    }

    /// <inheritdoc/>
    protected internal override ValueTask<BlockExtent> GetStatusCoreAsync(
        ByteRange range, CancellationToken cancellation)
    {
        Begin();
        long end = range.Offset;
        bool isData = Image.HasData(end);
        end = Math.Min(Image.EndOfRun(end), range.End);
        BlockStatus status = BlockStatus.OffsetValid | BlockStatus.Allocated;
        status |= isData ? BlockStatus.Data : BlockStatus.Zero;
        if (end >= LengthBytes)
            status |= BlockStatus.EndOfFile;
        return new ValueTask<BlockExtent>(new BlockExtent
        {
            Range = ByteRange.FromEnd(range.Offset, end),
            Status = status,
            HostOffset = range.Offset,
            HostNode = this,
        });
    }

    /// <inheritdoc/>
    protected internal override ValueTask TruncateCoreAsync(TruncateRequest request, CancellationToken cancellation)
    {
        BeginChange(request.LengthBytes, 0);
        Image.SetLength(request.LengthBytes);
        return default;
    }

    private void Begin()
    {
        if (++Requests > MaxRequests)
            throw new InvalidOperationException("this does not come to an end");
    }

    private void BeginChange(long offset, long count)
    {
        Begin();
        Changes++;
        CheckOffset(offset, count);
        if (IsReadOnly)
            throw new InvalidOperationException("a file that was opened to be read is written to");
        if (offset + count > MaxLengthBytes)
            throw BlockException.FromErrno(Errno.FileTooLarge);
        if (Image.PagesMade > MaxPagesMade)
            throw BlockException.FromErrno(Errno.NoSpace);
    }

    /// <summary>The kernel refuses what does not fit its offsets.</summary>
    private static void CheckOffset(long offset, long count)
    {
        if (offset < 0 || offset > long.MaxValue - count)
            throw BlockException.FromErrno(Errno.Invalid);
    }
}
