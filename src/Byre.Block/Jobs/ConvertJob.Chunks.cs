using Byre.Block.Buffers;
using Byre.Block.Errors;
using Byre.Block.Requests;

namespace Byre.Block.Jobs;

/// <content>What happens to one chunk: reading, looking for zeroes and compressing (side by side), and
/// storing.</content>
public sealed partial class ConvertJob
{
    /// <summary>Everything that needs no order: reads the step and decides how its pieces are stored.</summary>
    private async ValueTask FillAsync(ConvertChunk chunk, CancellationToken cancellation)
    {
        chunk.Runs.Clear();
        chunk.PackedLengths.Clear();
        switch (chunk.Step.Content)
        {
            case ConvertContent.Data:
                await ReadAsync(chunk, cancellation).ConfigureAwait(false);
                break;
            case ConvertContent.Zero when _options.SparseBytes == 0:
                chunk.Plain.Span.Clear();
                break;
            default:
                return;
        }

        if (_options.Compressed)
            Compress(chunk);
        else if (_options.SparseBytes > 0)
            _runFinder.Find(chunk.Plain.Span, chunk.Range.Offset, chunk.Runs);
        else
            chunk.Runs.Add(new SparseRun(0, (int)chunk.Range.Length, IsData: true));
    }

    private async ValueTask ReadAsync(ConvertChunk chunk, CancellationToken cancellation)
    {
        long offset = chunk.Range.Offset;
        if (_options.Salvage)
        {
            await _source.SalvageAsync(offset, chunk.Plain, _options.Warn, cancellation).ConfigureAwait(false);
            return;
        }

        try
        {
            await _source.ReadAsync(offset, chunk.Plain, cancellation).ConfigureAwait(false);
        }
        catch (BlockException failure)
        {
            throw Failed("reading", chunk.Step.Request.Offset, failure);
        }
    }

    /// <summary>Compressed clusters are written whole: each is left out, compressed, or stored plainly where that
    /// gains nothing.</summary>
    private void Compress(ConvertChunk chunk)
    {
        Span<byte> plain = chunk.Plain.Span;
        Span<byte> packed = _compressor is null ? default : chunk.Packed.Span;
        for (int start = 0; start < plain.Length; start += _clusterBytes)
        {
            Span<byte> cluster = plain.Slice(start, Math.Min(_clusterBytes, plain.Length - start));
            bool isData = _options.SparseBytes == 0 || !ZeroDetector.IsZero(cluster);
            chunk.Runs.Add(new SparseRun(start, cluster.Length, isData));
            bool pack = isData && _compressor is not null;
            chunk.PackedLengths.Add(pack ? _compressor!.Compress(cluster, packed.Slice(start, _clusterBytes)) : 0);
        }
    }

    /// <summary>Writes what <see cref="FillAsync"/> decided.</summary>
    private async ValueTask StoreAsync(ConvertChunk chunk, CancellationToken cancellation)
    {
        long errorOffset = chunk.Step.Request.Offset;
        try
        {
            if (chunk.Step.Content == ConvertContent.Zero && _options.SparseBytes > 0)
            {
                await StoreZeroesAsync(chunk.Range, cancellation).ConfigureAwait(false);
                return;
            }

            for (int i = 0; i < chunk.Runs.Count; i++)
            {
                SparseRun run = chunk.Runs[i];
                var range = new ByteRange(chunk.Range.Offset + run.Offset, run.Length);
                if (_options.Compressed)
                    errorOffset = range.Offset;
                if (!run.IsData)
                    await StoreZeroesAsync(range, cancellation).ConfigureAwait(false);
                else
                    await StoreDataAsync(chunk, i, range.Offset, cancellation).ConfigureAwait(false);
            }
        }
        catch (BlockException failure)
        {
            throw Failed("writing", errorOffset, failure);
        }
    }

    private async ValueTask StoreDataAsync(ConvertChunk chunk, int index, long offset, CancellationToken cancellation)
    {
        SparseRun run = chunk.Runs[index];
        await _rate.TakeAsync(run.Length, cancellation).ConfigureAwait(false);
        Memory<byte> plain = chunk.Plain.Slice(run.Offset, run.Length);
        RequestFlags flags = _options.WriteThrough ? RequestFlags.ForceUnitAccess : RequestFlags.None;
        if (_options.Compressed && _compressor is null)
        {
            flags |= RequestFlags.Compressed;
            await _target.WriteAsync(offset, plain, flags, cancellation).ConfigureAwait(false);
        }
        else if (_options.Compressed && chunk.PackedLengths[index] is > 0 and int length)
        {
            ReadOnlyMemory<byte> packed = chunk.Packed.Slice(run.Offset, length);
            await _compressor!.WriteCompressedAsync(offset, run.Length, packed, cancellation).ConfigureAwait(false);
            if (_options.WriteThrough)
                await _target.FlushAsync(cancellation).ConfigureAwait(false);
        }
        else
        {
            await _target.WriteAsync(offset, plain, flags, cancellation).ConfigureAwait(false);
        }
    }

    private ValueTask StoreZeroesAsync(ByteRange range, CancellationToken cancellation)
    {
        if (_targetIsZero)
            return default;
        RequestFlags flags = _options.WriteThrough ? RequestFlags.ForceUnitAccess : RequestFlags.None;
        return _target.WriteZeroesAsync(range, flags | RequestFlags.MayUnmap, cancellation);
    }

    private static BlockException Failed(string what, long offset, BlockException failure) =>
        new(
            failure.Kind,
            failure.Errno,
            $"error while {what} at byte {offset}: {Errno.Describe(failure.Errno)}",
            failure);
}
