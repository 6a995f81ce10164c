using System.Collections.Concurrent;
using Byre.Block.Errors;
using Byre.Block.Graph;
using Byre.Block.Requests;

namespace Byre.Block.Jobs;

/// <summary>
/// Makes an overlay independent of its backing file, as far as another one has other content: wherever the overlay
/// holds nothing and the old and the new backing file differ, the old content is copied into the overlay. The
/// visible content never changes, so the job may be interrupted at any time. The backing file's name in the image is
/// the caller's affair, afterwards.
/// <para>The nodes stay the caller's; nobody else may write to them meanwhile. One run per instance.</para>
/// <para>Errors: <see cref="BlockException"/> with the full text ("Error while writing to COW image: ...").</para>
/// </summary>
public sealed class RebaseJob
{
    private const int ChunkBytes = 2 << 20;

    private readonly BlockNode _top;
    private readonly BlockNode _overlay;
    private readonly RebaseOptions _options;
    private readonly List<RebaseChunk> _chunks = [];
    private readonly ConcurrentStack<RebaseChunk> _idleChunks = [];
    private readonly long _lengthBytes;
    private readonly long _oldLengthBytes;
    private long _position;
    private long _alignment = 1;

    /// <param name="top">The image as it was opened: what is written to.</param>
    /// <param name="options">What is asked for.</param>
    public RebaseJob(BlockNode top, RebaseOptions options)
    {
        _top = top;
        _overlay = BackingChain.SkipFilters(top);
        _options = options;
        _lengthBytes = top.LengthBytes;
        _oldLengthBytes = options.OldBacking?.LengthBytes ?? 0;
    }

    /// <summary>Copies what differs.</summary>
    /// <param name="alignmentBytes">The overlay's unit of allocation: its subcluster size, for compressed writes its
    /// cluster size. Writes are made in multiples of it, so that the overlay never has to fill up a cluster
    /// itself.</param>
    /// <param name="cancellation">Stops the job between two pieces.</param>
    public async ValueTask RunAsync(long alignmentBytes, CancellationToken cancellation = default)
    {
        Invariant.That(long.IsPow2(alignmentBytes));
        _alignment = alignmentBytes;
        var pipeline = new ChunkPipeline<RebaseChunk>(_options.Workers, ordered: true)
        {
            Take = TakeAsync,
            Fill = FillAsync,
            Finish = FinishAsync,
        };
        try
        {
            await pipeline.RunAsync(cancellation).ConfigureAwait(false);
        }
        finally
        {
            foreach (RebaseChunk chunk in _chunks)
                chunk.Dispose();
        }
    }

    /// <summary>The next run that the overlay does not hold and in which the backing files may differ.</summary>
    private async ValueTask<RebaseChunk?> TakeAsync(CancellationToken cancellation)
    {
        while (_position < _lengthBytes)
        {
            long length;
            try
            {
                length = await FindExposedAsync(cancellation).ConfigureAwait(false);
            }
            catch (BlockException failure)
            {
                throw Failed($"error while reading image metadata: {Errno.Describe(failure.Errno)}", failure);
            }

            if (length == 0)
                continue;

            // A lower layer may have smaller clusters: whole ones of the overlay are compared, and none of them is
            // half allocated.
            ByteRange range = new ByteRange(_position, length).AlignOutward(_alignment);
            range = ByteRange.FromEnd(range.Offset, Math.Min(range.End, _lengthBytes));
            _position = range.End;
            return RentChunk(range);
        }

        return null;
    }

    /// <summary>The length of the run at the position that has to be compared; 0 where there is none, then the
    /// position has moved on.</summary>
    private async ValueTask<long> FindExposedAsync(CancellationToken cancellation)
    {
        var range = new ByteRange(_position, Math.Min(ChunkBytes, _lengthBytes - _position));
        BlockExtent extent = await _overlay.GetAllocationAsync(range, cancellation).ConfigureAwait(false);
        Invariant.That(extent.Length > 0);
        if (extent.Has(BlockStatus.Allocated))
        {
            _position += extent.Length;
            return 0;
        }

        if (!_options.NewBackingIsInChain || _options.OldBacking is not { } old || _position >= old.LengthBytes)
            return extent.Length;

        // Beyond the old backing file's end zeroes were read; short of it, only the layers above the new one can
        // differ.
        range = extent.Range.Intersect(new ByteRange(0, old.LengthBytes));
        ChainExtent above = await BackingChain.GetAllocationAboveAsync(old, _options.NewBacking, range, cancellation)
            .ConfigureAwait(false);
        if (above.Extent.Has(BlockStatus.Allocated))
            return above.Extent.Length;
        _position += above.Extent.Length;
        return 0;
    }

    private RebaseChunk RentChunk(ByteRange range)
    {
        if (!_idleChunks.TryPop(out RebaseChunk? chunk))
        {
            chunk = new RebaseChunk((int)(ChunkBytes + (2 * _alignment)));
            _chunks.Add(chunk);
        }

        chunk.Range = range;
        chunk.Differences.Clear();
        return chunk;
    }

    private async ValueTask FillAsync(RebaseChunk chunk, CancellationToken cancellation)
    {
        long offset = chunk.Range.Offset;
        await ReadAsync(_options.OldBacking, offset, chunk.Old, "old", cancellation).ConfigureAwait(false);
        await ReadAsync(_options.NewBacking, offset, chunk.New, "new", cancellation).ConfigureAwait(false);
        FindDifferences(chunk);
    }

    private static async ValueTask ReadAsync(
        BlockNode? backing, long offset, Memory<byte> buffer, string which, CancellationToken cancellation)
    {
        int count = (int)Math.Clamp((backing?.LengthBytes ?? 0) - offset, 0, buffer.Length);
        buffer.Span[count..].Clear();
        if (backing is null || count == 0)
            return;
        try
        {
            await backing.ReadAsync(offset, buffer[..count], cancellation).ConfigureAwait(false);
        }
        catch (BlockException failure)
        {
            throw Failed($"error while reading from {which} backing file", failure);
        }
    }

    private void FindDifferences(RebaseChunk chunk)
    {
        ReadOnlySpan<byte> oldBytes = chunk.Old.Span;
        ReadOnlySpan<byte> newBytes = chunk.New.Span;
        if (oldBytes.SequenceEqual(newBytes))
            return;

        int unit = (int)Math.Max(_alignment, SparseRunFinder.SectorBytes);
        long runStart = -1;
        for (int start = 0; start < oldBytes.Length; start += unit)
        {
            int length = Math.Min(unit, oldBytes.Length - start);
            bool differs = !oldBytes.Slice(start, length).SequenceEqual(newBytes.Slice(start, length));
            if (runStart >= 0 && !differs)
            {
                chunk.Differences.Add(ByteRange.FromEnd(runStart, start));
                runStart = -1;
            }

            if (differs && runStart < 0)
                runStart = start;
        }

        if (runStart >= 0)
            chunk.Differences.Add(ByteRange.FromEnd(runStart, oldBytes.Length));
    }

    private async ValueTask FinishAsync(RebaseChunk chunk, CancellationToken cancellation)
    {
        try
        {
            foreach (ByteRange difference in chunk.Differences)
            {
                long offset = chunk.Range.Offset + difference.Offset;

                // A run that begins beyond the old backing file's end is zeroes, and is written as such.
                if (offset >= _oldLengthBytes)
                {
                    var range = new ByteRange(offset, difference.Length);
                    await _top.WriteZeroesAsync(range, RequestFlags.None, cancellation).ConfigureAwait(false);
                    continue;
                }

                RequestFlags flags = _options.Compressed ? RequestFlags.Compressed : RequestFlags.None;
                Memory<byte> data = chunk.Old.Slice((int)difference.Offset, (int)difference.Length);
                await _top.WriteAsync(offset, data, flags, cancellation).ConfigureAwait(false);
            }
        }
        catch (BlockException failure)
        {
            throw Failed($"Error while writing to COW image: {Errno.Describe(failure.Errno)}", failure);
        }

        _options.Progress?.Invoke(new JobProgress(chunk.Range.End, _lengthBytes));
        _idleChunks.Push(chunk);
    }

    private static BlockException Failed(string text, BlockException failure) =>
        new(failure.Kind, failure.Errno, text, failure);
}
