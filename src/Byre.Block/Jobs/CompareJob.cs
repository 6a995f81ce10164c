using System.Collections.Concurrent;
using Byre.Block.Buffers;
using Byre.Block.Errors;
using Byre.Block.Graph;
using Byre.Block.Requests;

namespace Byre.Block.Jobs;

/// <summary>
/// Compares the content of two disks. Holes and zeroes are skipped by block status on both sides; the rest is read
/// and compared by several workers. What is reported is the first finding by address, whichever worker was faster.
/// Lengths count in whole sectors; the part by which one disk is longer must be zeroes. The nodes stay the caller's.
/// One run per instance.
/// </summary>
public sealed class CompareJob
{
    /// <summary>The most that one finding of an unreadable range covers: the peer's request.</summary>
    private const int ChunkBytes = 2 << 20;

    /// <summary>What is read of both disks before it is compared: little enough to stay in a core's cache.</summary>
    internal const int PieceBytes = 256 << 10;

    private const int SectorBytes = SparseRunFinder.SectorBytes;

    private readonly BlockNode[] _nodes;
    private readonly long[] _lengths;
    private readonly CompareOptions _options;
    private readonly List<CompareChunk> _chunks = [];
    private readonly ConcurrentStack<CompareChunk> _idleChunks = [];
    private long _position;
    private bool _stopTaking;
    private CompareFinding? _finding;

    /// <param name="first">Node 0 of a finding.</param>
    /// <param name="second">Node 1 of a finding.</param>
    /// <param name="options">What is asked for.</param>
    public CompareJob(BlockNode first, BlockNode second, CompareOptions options)
    {
        _nodes = [first, second];
        _lengths = [RoundUpToSector(first.LengthBytes), RoundUpToSector(second.LengthBytes)];
        _options = options;
    }

    /// <summary>Compares; null where the disks are identical. Errors of the nodes are findings too.</summary>
    public async ValueTask<CompareFinding?> RunAsync(CancellationToken cancellation = default)
    {
        try
        {
            await RunPartAsync(TakeCommonAsync, cancellation).ConfigureAwait(false);
            if (_finding is not null || _lengths[0] == _lengths[1])
                return _finding;
            _options.LengthsDiffer?.Invoke();
            await RunPartAsync(TakeTailAsync, cancellation).ConfigureAwait(false);
            return _finding;
        }
        finally
        {
            foreach (CompareChunk chunk in _chunks)
                chunk.Dispose();
        }
    }

    private ValueTask RunPartAsync(
        Func<CancellationToken, ValueTask<CompareChunk?>> take, CancellationToken cancellation) =>
        new ChunkPipeline<CompareChunk>(_options.Workers, ordered: true)
        {
            Take = take,
            Fill = FillAsync,
            Finish = FinishAsync,
        }.RunAsync(cancellation);

    /// <summary>The next piece that both disks have.</summary>
    private async ValueTask<CompareChunk?> TakeCommonAsync(CancellationToken cancellation)
    {
        if (_stopTaking || _position >= Math.Min(_lengths[0], _lengths[1]))
            return null;
        CompareChunk chunk = RentChunk();
        if (await GetStatusAsync(0, chunk, cancellation).ConfigureAwait(false) is not { } first
            || await GetStatusAsync(1, chunk, cancellation).ConfigureAwait(false) is not { } second)
        {
            return chunk;
        }

        long length = Math.Min(first.Length, second.Length);
        if (_options.Strict && first.Status != second.Status)
        {
            Conclude(chunk, new CompareFinding(CompareFindingKind.Status, _position));
            return chunk;
        }

        bool bothZero = first.Has(BlockStatus.Zero) && second.Has(BlockStatus.Zero);
        chunk.ReadFirst = !bothZero && first.Has(BlockStatus.Allocated);
        chunk.ReadSecond = !bothZero && second.Has(BlockStatus.Allocated);
        Advance(chunk, length);
        return chunk;
    }

    /// <summary>The next piece of the longer disk beyond the other one's end.</summary>
    private async ValueTask<CompareChunk?> TakeTailAsync(CancellationToken cancellation)
    {
        int index = _lengths[0] > _lengths[1] ? 0 : 1;
        if (_stopTaking || _position >= _lengths[index])
            return null;
        CompareChunk chunk = RentChunk();
        if (await GetStatusAsync(index, chunk, cancellation).ConfigureAwait(false) is not { } extent)
            return chunk;
        bool mustRead = extent.Has(BlockStatus.Allocated) && !extent.Has(BlockStatus.Zero);
        chunk.ReadFirst = mustRead && index == 0;
        chunk.ReadSecond = mustRead && index == 1;
        Advance(chunk, extent.Length);
        return chunk;
    }

    private void Advance(CompareChunk chunk, long length)
    {
        length = RoundUpToSector(length);
        if (chunk.ReadFirst || chunk.ReadSecond)
            length = Math.Min(length, ChunkBytes);
        chunk.Range = new ByteRange(_position, length);
        _position += length;
    }

    private async ValueTask<BlockExtent?> GetStatusAsync(int index, CompareChunk chunk, CancellationToken cancellation)
    {
        BlockNode node = _nodes[index];
        try
        {
            var rest = ByteRange.FromEnd(_position, node.LengthBytes);
            ChainExtent known = await BackingChain.GetStatusAboveAsync(node, null, rest, cancellation)
                .ConfigureAwait(false);
            return known.Extent;
        }
        catch (BlockException failure)
        {
            Conclude(chunk, Error(CompareFindingKind.StatusError, _position, index, failure));
            return null;
        }
    }

    private void Conclude(CompareChunk chunk, CompareFinding finding)
    {
        chunk.Range = new ByteRange(_position, 0);
        chunk.Finding = finding;
        _stopTaking = true;
    }

    private CompareChunk RentChunk()
    {
        if (!_idleChunks.TryPop(out CompareChunk? chunk))
        {
            chunk = new CompareChunk();
            _chunks.Add(chunk);
        }

        chunk.Finding = null;
        chunk.ReadFirst = false;
        chunk.ReadSecond = false;
        return chunk;
    }

    private async ValueTask FillAsync(CompareChunk chunk, CancellationToken cancellation)
    {
        if (!chunk.ReadFirst && !chunk.ReadSecond)
            return;
        for (long start = chunk.Range.Offset; start < chunk.Range.End && chunk.Finding is null; start += PieceBytes)
        {
            int length = (int)Math.Min(PieceBytes, chunk.Range.End - start);
            if (chunk.ReadFirst)
                await ReadAsync(0, chunk, start, chunk.First[..length], cancellation).ConfigureAwait(false);
            if (chunk.ReadSecond && chunk.Finding is null)
                await ReadAsync(1, chunk, start, chunk.Second[..length], cancellation).ConfigureAwait(false);
            chunk.Finding ??= ComparePiece(chunk, start, length);
        }
    }

    private static CompareFinding? ComparePiece(CompareChunk chunk, long start, int length)
    {
        ReadOnlySpan<byte> first = chunk.ReadFirst ? chunk.First.Span[..length] : default;
        ReadOnlySpan<byte> second = chunk.ReadSecond ? chunk.Second.Span[..length] : default;
        int differs = (chunk.ReadFirst, chunk.ReadSecond) switch
        {
            (true, true) => FirstDifference(first, second),
            (true, false) => first.IndexOfAnyExcept((byte)0),
            _ => second.IndexOfAnyExcept((byte)0),
        };
        return differs < 0 ? null : new CompareFinding(CompareFindingKind.Content, start + (differs & -SectorBytes));
    }

    private async ValueTask ReadAsync(
        int index, CompareChunk chunk, long offset, Memory<byte> buffer, CancellationToken cancellation)
    {
        try
        {
            await _nodes[index].ReadAsync(offset, buffer, cancellation).ConfigureAwait(false);
        }
        catch (BlockException failure)
        {
            chunk.Finding = Error(CompareFindingKind.ReadError, chunk.Range.Offset, index, failure);
        }
    }

    private ValueTask FinishAsync(CompareChunk chunk, CancellationToken cancellation)
    {
        _ = cancellation;
        _finding ??= chunk.Finding;
        if (_finding is not null)
            Volatile.Write(ref _stopTaking, true);
        else
            _options.Progress?.Invoke(new JobProgress(chunk.Range.End, Math.Max(_lengths[0], _lengths[1])));
        _idleChunks.Push(chunk);
        return default;
    }

    private static int FirstDifference(ReadOnlySpan<byte> first, ReadOnlySpan<byte> second)
    {
        // SequenceEqual is the faster loop, and nearly always the answer.
        return first.SequenceEqual(second) ? -1 : first.CommonPrefixLength(second);
    }

    private static CompareFinding Error(CompareFindingKind kind, long offset, int index, BlockException failure) =>
        new(kind, offset) { NodeIndex = index, Errno = failure.Errno };

    private static long RoundUpToSector(long lengthBytes) => (lengthBytes + SectorBytes - 1) & -SectorBytes;
}
