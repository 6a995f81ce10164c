using System.Collections.Concurrent;
using Byre.Block.Buffers;
using Byre.Block.Errors;
using Byre.Block.Graph;
using Byre.Block.Requests;

namespace Byre.Block.Tests.Jobs;

/// <summary>
/// A disk in memory with an allocation map in clusters, an optional backing node, a log of what was written, and
/// places where requests fail or take their time.
/// </summary>
internal sealed class FakeNode : BlockNode, ICompressedTarget
{
    private readonly byte[] _content;
    private readonly BlockStatus[] _status;
    private readonly Lock _lock = new();

    public FakeNode(int lengthBytes, int clusterBytes = 65536, FakeNode? backing = null)
    {
        _content = new byte[lengthBytes];
        ClusterBytes = clusterBytes;
        _status = new BlockStatus[(lengthBytes + clusterBytes - 1) / clusterBytes];
        BackingNode = backing;
    }

    public int ClusterBytes { get; }

    public FakeNode? BackingNode { get; }

    public override BlockNode? Backing => BackingNode;

    public override BlockDriver Driver => FakeDriver.Instance;

    public override long LengthBytes => _content.Length;

    public override bool HasZeroInitialisation => true;

    public override bool CanWriteCompressed => true;

    public int CompressedUnitBytes => ClusterBytes;

    /// <summary>What was written, in order: "write 0+65536", "zero 0+65536", "packed 0+65536".</summary>
    public ConcurrentQueue<string> Log { get; } = new();

    public List<ByteRange> UnreadableRanges { get; } = [];

    public List<ByteRange> UnwritableRanges { get; } = [];

    public List<ByteRange> StatuslessRanges { get; } = [];

    /// <summary>Requests complete asynchronously, after a random moment.</summary>
    public bool IsSlow { get; init; }

    public ReadOnlySpan<byte> Content => _content;

    /// <summary>Stores bytes as if they had always been there.</summary>
    public FakeNode Put(int offset, int length, byte value)
    {
        _content.AsSpan(offset, length).Fill(value);
        Mark(new ByteRange(offset, length), BlockStatus.Data | BlockStatus.Allocated);
        return this;
    }

    /// <summary>Marks a range as zeroes that this node itself stores.</summary>
    public FakeNode PutZeroes(int offset, int length)
    {
        _content.AsSpan(offset, length).Clear();
        Mark(new ByteRange(offset, length), BlockStatus.Zero | BlockStatus.Allocated);
        return this;
    }

    public bool IsAllocated(long offset) => (_status[offset / ClusterBytes] & BlockStatus.Allocated) != 0;

    public override ValueTask<ImageInfo> GetImageInfoAsync(CancellationToken cancellation = default) =>
        new(new ImageInfo { ClusterSizeBytes = ClusterBytes });

    public int Compress(ReadOnlySpan<byte> cluster, Span<byte> destination)
    {
        // Good enough for a fake: a cluster of one value shrinks to that value.
        if (cluster.IndexOfAnyExcept(cluster[0]) >= 0)
            return 0;
        destination[0] = cluster[0];
        return 1;
    }

    public ValueTask WriteCompressedAsync(
        long offset, int lengthBytes, ReadOnlyMemory<byte> compressed, CancellationToken cancellation = default)
    {
        Assert.Equal(1, compressed.Length);
        Assert.Equal(0, offset % ClusterBytes);
        return StoreAsync("packed", new ByteRange(offset, lengthBytes), range =>
            _content.AsSpan((int)range.Offset, (int)range.Length).Fill(compressed.Span[0]));
    }

    public override ValueTask DisposeAsync() => default;

    protected internal override async ValueTask ReadCoreAsync(
        long offset, IoVector destination, CancellationToken cancellation)
    {
        await PauseAsync();
        var range = new ByteRange(offset, destination.Length);
        if (UnreadableRanges.Exists(range.Overlaps))
            throw BlockException.FromErrno(Errno.InputOutput);
        lock (_lock)
        {
            Fill(offset, destination.Single.Span);
        }
    }

    protected internal override ValueTask WriteCoreAsync(
        long offset, IoVector source, RequestFlags flags, CancellationToken cancellation)
    {
        string name = flags.HasFlag(RequestFlags.Compressed) ? "compress" : "write";
        return StoreAsync(name, new ByteRange(offset, source.Length), range =>
            source.CopyTo(_content.AsSpan((int)range.Offset, (int)range.Length)));
    }

    protected internal override ValueTask WriteZeroesCoreAsync(
        ByteRange range, RequestFlags flags, CancellationToken cancellation) =>
        StoreAsync("zero", range, all => _content.AsSpan((int)all.Offset, (int)all.Length).Clear());

    protected internal override ValueTask FlushCoreAsync(CancellationToken cancellation) => default;

    protected internal override ValueTask<BlockExtent> GetStatusCoreAsync(
        ByteRange range, CancellationToken cancellation)
    {
        if (StatuslessRanges.Exists(range.Overlaps))
            throw BlockException.FromErrno(Errno.InputOutput);
        range = range.Intersect(new ByteRange(0, LengthBytes));
        if (range.IsEmpty)
            return new(new BlockExtent { Range = range, Status = BlockStatus.EndOfFile });
        BlockStatus status = _status[range.Offset / ClusterBytes];
        long end = (range.Offset / ClusterBytes * ClusterBytes) + ClusterBytes;
        while (end < range.End && _status[end / ClusterBytes] == status)
            end += ClusterBytes;
        end = Math.Min(end, range.End);
        if (end == LengthBytes)
            status |= BlockStatus.EndOfFile;
        return new(new BlockExtent { Range = ByteRange.FromEnd(range.Offset, end), Status = status });
    }

    private void Fill(long offset, Span<byte> destination)
    {
        while (!destination.IsEmpty)
        {
            int count = (int)Math.Min(destination.Length, ClusterBytes - (offset % ClusterBytes));
            if (offset >= LengthBytes)
                destination[..count].Clear();
            else if (_status[offset / ClusterBytes] == BlockStatus.None && BackingNode is not null)
                BackingNode.Fill(offset, destination[..count]);
            else
                CopyOwn(offset, destination[..count]);
            offset += count;
            destination = destination[count..];
        }
    }

    private void CopyOwn(long offset, Span<byte> destination)
    {
        destination.Clear();
        _content.AsSpan((int)offset, (int)Math.Min(destination.Length, LengthBytes - offset)).CopyTo(destination);
    }

    private async ValueTask StoreAsync(string name, ByteRange range, Action<ByteRange> store)
    {
        await PauseAsync();
        if (UnwritableRanges.Exists(range.Overlaps))
            throw BlockException.FromErrno(Errno.NoSpace);
        lock (_lock)
        {
            Log.Enqueue($"{name} {range.Offset}+{range.Length}");
            store(range);
            Mark(range, BlockStatus.Allocated | (name == "zero" ? BlockStatus.Zero : BlockStatus.Data));
        }
    }

    private void Mark(ByteRange range, BlockStatus status)
    {
        for (long cluster = range.Offset / ClusterBytes; cluster * ClusterBytes < range.End; cluster++)
            _status[cluster] = status;
    }

    private async ValueTask PauseAsync()
    {
        if (IsSlow)
            await Task.Delay(Random.Shared.Next(3));
    }
}
