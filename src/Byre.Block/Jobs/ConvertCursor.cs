using Byre.Block.Errors;
using Byre.Block.Graph;
using Byre.Block.Requests;

namespace Byre.Block.Jobs;

/// <summary>
/// Walks over the sources and says what each run is: data, zeroes, or the target's backing file's affair. Runs are
/// cut to what one worker handles at a time, by the peer's rules, so that both tools write the same requests. Not
/// thread-safe.
/// </summary>
internal sealed class ConvertCursor
{
    /// <summary>The most bytes whose status is asked for at once: what fits a 31-bit count of bytes in whole
    /// sectors.</summary>
    private const long MaxQueryBytes = int.MaxValue & -SparseRunFinder.SectorBytes;

    /// <summary>The peer's longest request. Ours are shorter, so that they fit a core's cache, and divide it.</summary>
    private const int PeerRequestBytes = 2 << 20;

    /// <summary>Requests are divided at multiples of this, where no run of zeroes is cut that the peer would see
    /// whole.</summary>
    private const int DivisionBytes = 64 << 10;

    private readonly ConvertSource _source;
    private readonly ConvertOptions _options;
    private readonly int _bufferBytes;
    private readonly int _clusterBytes;
    private readonly int _requestBytes;
    private long _position;
    private long _knownUntil;
    private ConvertContent _content;
    private ByteRange _request;

    /// <param name="source">The sources.</param>
    /// <param name="options">What the job was asked for.</param>
    /// <param name="bufferBytes">The longest run of data; for compressed targets the cluster size.</param>
    /// <param name="clusterBytes">The target's cluster size; used for compressed targets only.</param>
    public ConvertCursor(ConvertSource source, ConvertOptions options, int bufferBytes, int clusterBytes)
    {
        _source = source;
        _options = options;
        _bufferBytes = bufferBytes;
        _clusterBytes = clusterBytes;
        _requestBytes = Math.Max(PeerRequestBytes, bufferBytes);
    }

    /// <summary>The next run; null at the end.</summary>
    /// <exception cref="BlockException">The status could not be read: "error while reading block status at offset N:
    /// ...".</exception>
    public async ValueTask<ConvertStep?> NextAsync(CancellationToken cancellation)
    {
        if (_position >= _source.LengthBytes)
            return null;
        long longest = Math.Min(_source.LengthBytes - _position, MaxQueryBytes);
        bool pastBacking = false;
        if (_options.TargetBackingLengthBytes is { } backingLength)
        {
            // Zeroes mean another thing on either side of the backing file's end.
            pastBacking = _position >= backingLength;
            if (!pastBacking)
                longest = Math.Min(longest, backingLength - _position);
        }

        if (_knownUntil <= _position)
            await LearnAsync(longest, pastBacking, cancellation).ConfigureAwait(false);
        long length = Math.Min(longest, _knownUntil - _position);
        bool storesZeroes = _options.SparseBytes == 0;
        bool isStored = _content == ConvertContent.Data || (storesZeroes && _content == ConvertContent.Zero);
        if (_options.Compressed)
            length = FitToClusters(isStored ? Math.Min(length, _bufferBytes) : length);
        else if (isStored)
            length = DivideRequest(length);

        var range = new ByteRange(_position, length);
        var step = new ConvertStep(range, _content, isStored && !_options.Compressed ? _request : range);
        _position += length;
        return step;
    }

    /// <summary>The next piece of the peer's request, which begins here unless one is under way.</summary>
    private long DivideRequest(long length)
    {
        if (_position >= _request.End)
            _request = new ByteRange(_position, Math.Min(length, _requestBytes));
        long end = Math.Min(_request.End, _position + _bufferBytes);
        if (end < _request.End && (end & -DivisionBytes) > _position)
            end &= -DivisionBytes;
        return end - _position;
    }

    /// <summary>Compressed clusters are written whole: a run that does not fill one is read with what follows
    /// it.</summary>
    private long FitToClusters(long length)
    {
        if (length >= _clusterBytes)
            return length / _clusterBytes * _clusterBytes;
        _content = ConvertContent.Data;
        return Math.Min(_clusterBytes, _source.LengthBytes - _position);
    }

    private async ValueTask LearnAsync(long longest, bool pastBacking, CancellationToken cancellation)
    {
        (BlockNode node, ByteRange place, long alignment) = _source.PartAt(_position);
        long offset = _position - place.Offset;
        BlockExtent extent = await GetStatusAsync(node, offset, longest, cancellation).ConfigureAwait(false);
        long length = (extent.Length + SparseRunFinder.SectorBytes - 1) & -SparseRunFinder.SectorBytes;
        length = Math.Min(length, place.End - _position);

        // Ending on the source's own alignment saves reading a piece of a cluster twice.
        long tail = (offset + length) % alignment;
        if (length > tail)
            length -= tail;
        _knownUntil = _position + length;
        _content = Classify(extent, pastBacking);
    }

    private ConvertContent Classify(BlockExtent extent, bool pastBacking)
    {
        if (extent.Has(BlockStatus.Zero))
            return pastBacking ? ConvertContent.Backing : ConvertContent.Zero;
        if (extent.Has(BlockStatus.Data) || !_options.TargetHasBacking)
            return ConvertContent.Data;
        return ConvertContent.Backing;
    }

    private async ValueTask<BlockExtent> GetStatusAsync(
        BlockNode node, long offset, long length, CancellationToken cancellation)
    {
        BlockNode? below = _options.TargetHasBacking ? BackingChain.SkipFilters(node).Backing : null;
        while (true)
        {
            // The node may end within its last sector, and a question beyond the end has no answer.
            var range = ByteRange.FromEnd(offset, Math.Max(offset, Math.Min(offset + length, node.LengthBytes)));
            try
            {
                ChainExtent known = await BackingChain.GetStatusAboveAsync(node, below, range, cancellation)
                    .ConfigureAwait(false);
                return known.Extent;
            }
            catch (BlockException failure)
            {
                string text = $"error while reading block status at offset {offset}: {Errno.Describe(failure.Errno)}";
                if (!_options.Salvage)
                    throw new BlockException(failure.Kind, failure.Errno, text, failure);
                if (length <= SparseRunFinder.SectorBytes)
                {
                    _options.Warn?.Invoke(text);
                    return new BlockExtent
                    {
                        Range = new ByteRange(offset, SparseRunFinder.SectorBytes),
                        Status = BlockStatus.Data,
                    };
                }

                // Again for a quarter: the failure may lie behind what the answer can be found for.
                long sectors = DivideRoundUp(length, SparseRunFinder.SectorBytes);
                length = DivideRoundUp(sectors, 4) * SparseRunFinder.SectorBytes;
            }
        }
    }

    private static long DivideRoundUp(long value, long divisor) => (value + divisor - 1) / divisor;
}
