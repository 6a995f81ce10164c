using Byre.Block.Errors;
using Byre.Block.Graph;
using Byre.Block.Requests;
using Byre.Qcow2.Layout;
using Byre.Qcow2.Metadata;

namespace Byre.Qcow2.Io;

/// <content>Write zeroes: by the entries' zero bits, at the granularity of subclusters, without touching
/// data.</content>
internal sealed partial class Qcow2Node
{
    /// <inheritdoc/>
    protected override async ValueTask WriteZeroesCoreAsync(
        ByteRange range, RequestFlags flags, CancellationToken cancellation)
    {
        ThrowIfNotWritable();
        if (range.End > _virtualSizeBytes)
            throw BlockException.FromErrno(Errno.InputOutput);
        try
        {
            // Before anything is looked at: a write beside it that is still in flight has left no trace in the mapping.
            using RangeLease lease = await _tracker
                .AcquireAsync(range.AlignOutward(_geometry.ClusterSize), LeaseKind.Exclusive).ConfigureAwait(false);
            ThrowIfCutOff(range);
            await SettleUnderLeaseAsync(range, cancellation).ConfigureAwait(false);
            ByteRange whole = await WidenToSubclustersAsync(range, cancellation).ConfigureAwait(false);
            if (_tables.Header.Version >= 3)
                await ZeroUnderLeaseAsync(whole, flags, cancellation).ConfigureAwait(false);
            else if (_backing is null)
                await DiscardUnderLeaseAsync(whole, DiscardReason.Request, full: false, cancellation)
                    .ConfigureAwait(false);
            else
                throw BlockException.FromErrno(Errno.NotSupported);
            await RelieveQuarantineAsync(cancellation).ConfigureAwait(false);
        }
        catch (CorruptionException corruption)
        {
            throw await SignalCorruptionAsync(corruption).ConfigureAwait(false);
        }
    }

    /// <summary>
    /// A part of a subcluster can be zeroed by its bit only if the rest of it reads as zeroes already, from no data.
    /// </summary>
    private async ValueTask<ByteRange> WidenToSubclustersAsync(ByteRange range, CancellationToken cancellation)
    {
        ByteRange whole = range.AlignOutward(_geometry.SubclusterSize);
        bool atEnd = range.End == _virtualSizeBytes;
        if (whole == range || (whole.Offset == range.Offset && atEnd))
            return whole;
        if (whole.Length > _geometry.SubclusterSize)
            throw BlockException.FromErrno(Errno.NotSupported);
        bool zeroBefore = await ReadsAsZeroAsync(ByteRange.FromEnd(whole.Offset, range.Offset), cancellation)
            .ConfigureAwait(false);
        long end = Math.Min(whole.End, _virtualSizeBytes);
        if (!zeroBefore ||
            !await ReadsAsZeroAsync(ByteRange.FromEnd(range.End, Math.Max(end, range.End)), cancellation)
                .ConfigureAwait(false))
            throw BlockException.FromErrno(Errno.NotSupported);
        ClusterMapping mapping = await LookUpAsync(new GuestOffset(whole.Offset), whole.Length, cancellation)
            .ConfigureAwait(false);
        if (!mapping.IsUnallocated && !mapping.ReadsAsZero)
            throw BlockException.FromErrno(Errno.NotSupported);
        return whole;
    }

    /// <summary>True where block status, the backing chain's included, knows that a range reads as zeroes.</summary>
    private async ValueTask<bool> ReadsAsZeroAsync(ByteRange range, CancellationToken cancellation)
    {
        while (!range.IsEmpty)
        {
            ChainExtent known = await BackingChain.GetStatusAboveAsync(this, null, range, cancellation)
                .ConfigureAwait(false);
            BlockExtent extent = known.Extent;
            if (!extent.Has(BlockStatus.Zero) || extent.Length == 0)
                return false;
            range = ByteRange.FromEnd(range.Offset + extent.Length, range.End);
        }

        return true;
    }

    /// <summary>Zeroes whole subclusters for a caller that holds an exclusive lease on their clusters.</summary>
    private async ValueTask ZeroUnderLeaseAsync(ByteRange range, RequestFlags flags, CancellationToken cancellation)
    {
        if (_tables.HasDataFile && _tables.Header.IsDataFileRaw)
        {
            long inside = Math.Min(range.End, Math.Max(_virtualSizeBytes, range.Offset));
            await _data.WriteZeroesAsync(ByteRange.FromEnd(range.Offset, inside), flags, cancellation)
                .ConfigureAwait(false);
        }

        bool mayUnmap = (flags & RequestFlags.MayUnmap) != 0;
        await ChangeRangeAsync(
            range, _geometry.HasSubclusters, isDiscard: false, ZeroEntry, mayUnmap, DiscardReason.Request, cancellation)
            .ConfigureAwait(false);
    }

    /// <summary>
    /// What write zeroes makes of a whole cluster's entry, and whether its old cluster loses its reference.
    /// </summary>
    private (L2Entry Entry, bool Frees) ZeroEntry(L2Entry old, bool mayUnmap)
    {
        ClusterType type = _tables.Map.Classify(old);
        bool hasCluster = type is ClusterType.Normal or ClusterType.ZeroAllocated;
        bool frees = type == ClusterType.Compressed || (mayUnmap && hasCluster);
        ulong word = frees && !KeepsDiscarded(old) ? 0 : old.Word;
        return _geometry.HasSubclusters
            ? (new L2Entry(word, new SubclusterBitmap(SubclusterBitmap.AllZero)), frees)
            : (L2Entry.Standard(word | L2Entry.ZeroFlag), frees);
    }
}
