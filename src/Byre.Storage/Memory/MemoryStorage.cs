using System.Collections.Concurrent;
using Byre.Block.Buffers;
using Byre.Block.Errors;
using Byre.Block.Graph;
using Byre.Block.Requests;

namespace Byre.Storage.Memory;

/// <summary>
/// A file in memory, for tests and benchmarks: grows as it is written, keeps chunks only where something was written,
/// and forgets everything when it is disposed. Thread-safe as every node. Flushes do nothing.
/// </summary>
public sealed class MemoryStorage : BlockNode
{
    private const int ChunkBytes = 1 << 16;

    private readonly ConcurrentDictionary<long, byte[]> _chunks = new();
    private long _lengthBytes;

    public MemoryStorage(long lengthBytes = 0)
    {
        Invariant.That(lengthBytes >= 0);
        _lengthBytes = lengthBytes;
        OpenedFlags = OpenFlags.ReadWrite | OpenFlags.Unmap;
    }

    /// <inheritdoc/>
    public override BlockDriver Driver => MemoryDriver.Instance;

    /// <inheritdoc/>
    public override long LengthBytes => Interlocked.Read(ref _lengthBytes);

    /// <inheritdoc/>
    public override bool HasZeroInitialisation => true;

    /// <inheritdoc/>
    public override bool HasZeroInitialisedGrowth => true;

    /// <inheritdoc/>
    public override bool CanUnmapZeroes => true;

    /// <inheritdoc/>
    public override bool SupportsForceUnitAccess => true;

    /// <inheritdoc/>
    public override ValueTask<long?> GetAllocatedBytesAsync(CancellationToken cancellation = default) =>
        new((long)_chunks.Count * ChunkBytes);

    /// <inheritdoc/>
    public override ValueTask DisposeAsync()
    {
        _chunks.Clear();
        return default;
    }

    /// <inheritdoc/>
    protected override ValueTask ReadCoreAsync(long offset, IoVector destination, CancellationToken cancellation)
    {
        // Bytes beyond the end stay zero in every chunk, so that reads and growth need no special case.
        foreach (Memory<byte> segment in destination)
        {
            Span<byte> rest = segment.Span;
            while (!rest.IsEmpty)
            {
                Span<byte> part = rest[..InChunk(offset, rest.Length)];
                if (_chunks.TryGetValue(offset / ChunkBytes, out byte[]? chunk))
                    chunk.AsSpan((int)(offset % ChunkBytes), part.Length).CopyTo(part);
                else
                    part.Clear();
                rest = rest[part.Length..];
                offset += part.Length;
            }
        }

        return default;
    }

    /// <inheritdoc/>
    protected override ValueTask WriteCoreAsync(
        long offset, IoVector source, RequestFlags flags, CancellationToken cancellation)
    {
        long end = offset + source.Length;
        foreach (Memory<byte> segment in source)
        {
            ReadOnlySpan<byte> rest = segment.Span;
            while (!rest.IsEmpty)
            {
                ReadOnlySpan<byte> part = rest[..InChunk(offset, rest.Length)];
                byte[] chunk = _chunks.GetOrAdd(offset / ChunkBytes, static _ => new byte[ChunkBytes]);
                part.CopyTo(chunk.AsSpan((int)(offset % ChunkBytes)));
                rest = rest[part.Length..];
                offset += part.Length;
            }
        }

        Grow(end);
        return default;
    }

    /// <inheritdoc/>
    protected override ValueTask WriteZeroesCoreAsync(
        ByteRange range, RequestFlags flags, CancellationToken cancellation)
    {
        Clear(range);
        Grow(range.End);
        return default;
    }

    /// <inheritdoc/>
    protected override ValueTask DiscardCoreAsync(ByteRange range, CancellationToken cancellation)
    {
        Clear(range);
        return default;
    }

    /// <inheritdoc/>
    protected override ValueTask FlushCoreAsync(CancellationToken cancellation) => default;

    /// <inheritdoc/>
    protected override ValueTask<BlockExtent> GetStatusCoreAsync(ByteRange range, CancellationToken cancellation)
    {
        long end = range.Offset;
        bool isData = _chunks.ContainsKey(end / ChunkBytes);
        do
            end += InChunk(end, range.End - end);
        while (end < range.End && _chunks.ContainsKey(end / ChunkBytes) == isData);

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
    protected override ValueTask TruncateCoreAsync(TruncateRequest request, CancellationToken cancellation)
    {
        long oldLength = Interlocked.Exchange(ref _lengthBytes, request.LengthBytes);
        if (oldLength > request.LengthBytes)
            Clear(ByteRange.FromEnd(request.LengthBytes, oldLength));
        return default;
    }

    private static int InChunk(long offset, long length) => (int)Math.Min(length, ChunkBytes - (offset % ChunkBytes));

    private void Clear(ByteRange range)
    {
        for (long offset = range.Offset; offset < range.End;)
        {
            int length = InChunk(offset, range.End - offset);
            if (length == ChunkBytes)
                _chunks.TryRemove(offset / ChunkBytes, out _);
            else if (_chunks.TryGetValue(offset / ChunkBytes, out byte[]? chunk))
                chunk.AsSpan((int)(offset % ChunkBytes), length).Clear();
            offset += length;
        }
    }

    private void Grow(long endBytes)
    {
        long length = Interlocked.Read(ref _lengthBytes);
        while (endBytes > length)
        {
            long seen = Interlocked.CompareExchange(ref _lengthBytes, endBytes, length);
            if (seen == length)
                return;
            length = seen;
        }
    }
}
