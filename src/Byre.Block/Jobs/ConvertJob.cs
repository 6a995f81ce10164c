using System.Collections.Concurrent;
using System.Numerics;
using Byre.Block.Buffers;
using Byre.Block.Errors;
using Byre.Block.Graph;
using Byre.Block.Requests;

namespace Byre.Block.Jobs;

/// <summary>
/// Copies one disk, or several one after the other, into another: holes are skipped by block status, zeroes are
/// found and left out, data may be compressed. Workers read, look for zeroes and compress side by side; unless
/// <see cref="ConvertOptions.OutOfOrder"/> is set, writes are issued one at a time in the order of their addresses.
/// <para>The nodes stay the caller's, who flushes or closes the target. Nobody else may write to them meanwhile. One
/// run per instance.</para>
/// <para>Errors: the first one ends the job as a <see cref="BlockException"/> with its full text ("error while
/// reading at byte N: ..."); the target is left as it is then.</para>
/// </summary>
public sealed partial class ConvertJob
{
    /// <summary>Bytes of data a worker takes at a time: little enough to stay in a core's cache between read and
    /// write.</summary>
    private const int ChunkBytes = 512 << 10;

    /// <summary>The same where runs of zeroes are looked for that a division could cut.</summary>
    private const int SparseChunkBytes = 2 << 20;

    /// <summary>Runs of zeroes up to this length, if a power of two, are not cut by dividing requests.</summary>
    private const int MaxDivisibleSparseBytes = 64 << 10;

    /// <summary>The largest cluster that is compressed.</summary>
    private const int MaxClusterBytes = 2 << 20;

    /// <summary>Bytes of data a worker takes at a time where it compresses them: a few clusters.</summary>
    private const int CompressedChunkBytes = 512 << 10;

    private readonly IReadOnlyList<BlockNode> _sources;
    private readonly BlockNode _target;
    private readonly ConvertOptions _options;
    private readonly RateLimiter _rate;
    private readonly List<ConvertChunk> _chunks = [];
    private readonly ConcurrentStack<ConvertChunk> _idleChunks = [];
    private readonly Lock _reportLock = new();
    private ConvertSource _source = null!;
    private ConvertCursor _cursor = null!;
    private SparseRunFinder _runFinder;
    private ICompressedTarget? _compressor;
    private int _bufferBytes;
    private int _clusterBytes;
    private bool _targetIsZero;
    private long _bytesDone;
    private long _bytesTotal;

    /// <param name="sources">The nodes to read, in order; at least one.</param>
    /// <param name="target">The node to write; at least as long as the sources together, each rounded up to whole
    /// sectors.</param>
    /// <param name="options">What is asked for.</param>
    public ConvertJob(IReadOnlyList<BlockNode> sources, BlockNode target, ConvertOptions options)
    {
        Invariant.That(options.Workers is > 0 and <= ConvertOptions.MaxWorkers);
        Invariant.That(options.SparseBytes is >= 0 and <= ConvertOptions.MaxSparseBytes);
        Invariant.That(!(options.TargetIsZero && options.TargetHasBacking));
        _sources = sources;
        _target = target;
        // Warnings about unreadable sectors are to come in the order of the sectors.
        _options = options with { Workers = options.Salvage ? 1 : UsefulWorkers(sources, target, options) };
        _rate = new RateLimiter(options.RateLimitBytes);
    }

    /// <summary>
    /// Requests through the page cache keep a core busy: more workers than the cores, and a few that wait for their
    /// turn to write, only take time from each other. Past the page cache they wait for the device, but for compressed
    /// data, which is written behind them.
    /// </summary>
    private static int UsefulWorkers(IReadOnlyList<BlockNode> sources, BlockNode target, ConvertOptions options)
    {
        bool waits = (target.OpenedFlags & OpenFlags.CacheDirect) != 0 && !options.Compressed;
        foreach (BlockNode source in sources)
            waits |= (source.OpenedFlags & OpenFlags.CacheDirect) != 0;
        return waits ? options.Workers : Math.Min(options.Workers, Environment.ProcessorCount + 2);
    }

    /// <summary>Copies everything.</summary>
    /// <exception cref="BlockException">Reading, writing or asking for the status failed.</exception>
    public async ValueTask RunAsync(CancellationToken cancellation = default)
    {
        await PrepareAsync(cancellation).ConfigureAwait(false);
        if (_options.Progress is not null || _options.Salvage)
            await CountAsync(cancellation).ConfigureAwait(false);
        var pipeline = new ChunkPipeline<ConvertChunk>(_options.Workers, !_options.OutOfOrder)
        {
            Take = TakeStepAsync,
            Fill = FillAsync,
            Finish = FinishAsync,
        };
        try
        {
            await pipeline.RunAsync(cancellation).ConfigureAwait(false);
        }
        finally
        {
            foreach (ConvertChunk chunk in _chunks)
                chunk.Dispose();
        }
    }

    private async ValueTask PrepareAsync(CancellationToken cancellation)
    {
        var clusterSizes = new int[_sources.Count];
        for (int i = 0; i < clusterSizes.Length; i++)
            clusterSizes[i] = await GetClusterSizeAsync(_sources[i], cancellation).ConfigureAwait(false);
        _source = new ConvertSource(_sources, clusterSizes);

        int alignment = _target.Limits.RequestAlignmentBytes;
        if (_options.SparseBytes > 0)
        {
            int sparseAlignment = 1 << BitOperations.Log2((uint)_options.SparseBytes);
            _runFinder = new SparseRunFinder(_options.SparseBytes, Math.Max(sparseAlignment, alignment));
        }

        _targetIsZero = _options.TargetIsZero
            || (_options is { TargetIsNew: true, SparseBytes: > 0, TargetHasBacking: false }
                && _target.HasZeroInitialisation);
        bool divisible = _options.SparseBytes <= MaxDivisibleSparseBytes && BitOperations.IsPow2(_options.SparseBytes);
        _bufferBytes = divisible || _options.SparseBytes == 0 ? ChunkBytes : SparseChunkBytes;
        if (_options.Compressed)
        {
            _clusterBytes = await GetClusterSizeAsync(_target, cancellation).ConfigureAwait(false);
            if (_clusterBytes is <= 0 or > MaxClusterBytes)
                throw BlockException.Invalid("invalid cluster size");
            _bufferBytes = Math.Max(_clusterBytes, CompressedChunkBytes);
            _compressor = _target as ICompressedTarget;
        }

        _cursor = new ConvertCursor(_source, _options, _bufferBytes, _clusterBytes);
    }

    /// <summary>Walks over the source once without copying, to learn how much there is to do.</summary>
    private async ValueTask CountAsync(CancellationToken cancellation)
    {
        var cursor = new ConvertCursor(_source, _options, _bufferBytes, _clusterBytes);
        while (await cursor.NextAsync(cancellation).ConfigureAwait(false) is { } step)
            _bytesTotal += Weight(step);
    }

    /// <summary>Takes the next step that needs work; null at the end.</summary>
    private async ValueTask<ConvertChunk?> TakeStepAsync(CancellationToken cancellation)
    {
        while (await _cursor.NextAsync(cancellation).ConfigureAwait(false) is { } step)
        {
            if (!NeedsWork(step))
                continue;
            ConvertChunk chunk = RentChunk();
            chunk.Step = step;
            return chunk;
        }

        return null;
    }

    private ConvertChunk RentChunk()
    {
        if (_idleChunks.TryPop(out ConvertChunk? chunk))
            return chunk;
        chunk = new ConvertChunk(_bufferBytes, _options.Compressed);
        _chunks.Add(chunk);
        return chunk;
    }

    private bool NeedsWork(ConvertStep step) => step.Content switch
    {
        ConvertContent.Data => true,
        ConvertContent.Zero => _options.SparseBytes == 0 || !_targetIsZero,
        _ => false,
    };

    private long Weight(ConvertStep step) => step.Content switch
    {
        ConvertContent.Data => step.Range.Length,
        ConvertContent.Zero => _options.SparseBytes == 0 ? step.Range.Length : 0,
        _ => 0,
    };

    private async ValueTask FinishAsync(ConvertChunk chunk, CancellationToken cancellation)
    {
        await StoreAsync(chunk, cancellation).ConfigureAwait(false);
        long weight = Weight(chunk.Step);
        _idleChunks.Push(chunk);
        if (_options.Progress is null || weight == 0)
            return;
        lock (_reportLock)
        {
            _bytesDone += weight;
            if (chunk.Range.End == chunk.Step.Request.End)
                _options.Progress(new JobProgress(_bytesDone, _bytesTotal));
        }
    }

    private static async ValueTask<int> GetClusterSizeAsync(BlockNode node, CancellationToken cancellation)
    {
        ImageInfo info = await BackingChain.SkipFilters(node).GetImageInfoAsync(cancellation).ConfigureAwait(false);
        return info.ClusterSizeBytes;
    }
}
