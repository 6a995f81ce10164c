using Byre.Block.Errors;
using Byre.Block.Requests;
using Byre.Qcow2.Layout;
using Byre.Qcow2.Metadata;

namespace Byre.Qcow2.Io;

/// <content>Discards, and what they share with write zeroes: changing the entries of whole clusters.</content>
internal sealed partial class Qcow2Node
{
    /// <inheritdoc/>
    protected override async ValueTask DiscardCoreAsync(ByteRange range, CancellationToken cancellation)
    {
        ThrowIfNotWritable();
        // A version 2 image has no zero bit: unallocated clusters would show the backing file's bytes.
        if (_tables.Header.Version < 3 && _backing is not null)
            throw BlockException.FromErrno(Errno.NotSupported);
        long unit = _geometry.SubclusterSize;
        if (range.Offset % unit != 0 || (range.Length % unit != 0 && range.End != _virtualSizeBytes))
            throw BlockException.FromErrno(Errno.NotSupported);
        try
        {
            await DiscardRangeAsync(range, DiscardReason.Request, full: false, cancellation).ConfigureAwait(false);
        }
        catch (CorruptionException corruption)
        {
            throw await SignalCorruptionAsync(corruption).ConfigureAwait(false);
        }
    }

    /// <summary>
    /// Unmaps whole clusters, and whole subclusters at either end. Afterwards they read as zeroes; with
    /// <paramref name="full"/> they are as if never written, and the backing file shows through: only whole clusters.
    /// </summary>
    internal async ValueTask DiscardRangeAsync(
        ByteRange range, DiscardReason reason, bool full, CancellationToken cancellation)
    {
        using RangeLease lease = await _tracker
            .AcquireAsync(range.AlignOutward(_geometry.ClusterSize), LeaseKind.Exclusive).ConfigureAwait(false);
        ThrowIfCutOff(range);
        await SettleUnderLeaseAsync(range, cancellation).ConfigureAwait(false);
        await DiscardUnderLeaseAsync(range, reason, full, cancellation).ConfigureAwait(false);
        await RelieveQuarantineAsync(cancellation).ConfigureAwait(false);
    }

    /// <summary>The same for a caller that holds a lease on the range.</summary>
    internal async ValueTask DiscardUnderLeaseAsync(
        ByteRange range, DiscardReason reason, bool full, CancellationToken cancellation)
    {
        Func<L2Entry, bool, (L2Entry Entry, bool Frees)> change = full ? FullyDiscardedEntry : DiscardedEntry;
        bool mayCut = _geometry.HasSubclusters && !full;
        await ChangeRangeAsync(range, mayCut, isDiscard: true, change, mayUnmap: true, reason, cancellation)
            .ConfigureAwait(false);
    }

    /// <summary>
    /// Changes the entries of whole clusters, and by their bits the subclusters at either end where
    /// <paramref name="mayCut"/>. The last cluster of the disk is whole even where the disk ends inside it.
    /// </summary>
    private async ValueTask ChangeRangeAsync(
        ByteRange range,
        bool mayCut,
        bool isDiscard,
        Func<L2Entry, bool, (L2Entry Entry, bool Frees)> change,
        bool mayUnmap,
        DiscardReason reason,
        CancellationToken cancellation)
    {
        long wholeEnd = mayCut && range.End < _virtualSizeBytes
            ? _geometry.StartOfCluster(range.End)
            : (range.End + _geometry.ClusterSize - 1) & -_geometry.ClusterSize;
        for (long offset = range.Offset; offset < range.End;)
        {
            bool whole = !mayCut || (_geometry.IsClusterAligned(offset) && offset < wholeEnd);
            long end = Math.Min(range.End, _geometry.StartOfCluster(offset) + _geometry.ClusterSize);
            offset = whole
                ? await ChangeClustersAsync(
                    ByteRange.FromEnd(offset, wholeEnd), change, mayUnmap, reason, cancellation)
                    .ConfigureAwait(false)
                : await ZeroSubclustersAsync(ByteRange.FromEnd(offset, end), isDiscard, cancellation)
                    .ConfigureAwait(false);
        }
    }

    /// <summary>
    /// Whether a discarded cluster keeps its place in the file (discard-no-unref). One that a snapshot shares cannot:
    /// its data is the snapshot's, and must not be discarded with it.
    /// </summary>
    private bool KeepsDiscarded(L2Entry old) =>
        _tables.Options.DiscardNoUnref && old.IsCopied && !old.IsCompressed;

    private (L2Entry Entry, bool Frees) FullyDiscardedEntry(L2Entry old, bool mayUnmap) => (L2Entry.Unallocated, true);

    private (L2Entry Entry, bool Frees) DiscardedEntry(L2Entry old, bool mayUnmap)
    {
        ClusterType type = _tables.Map.Classify(old);
        bool hasContent = type is ClusterType.Normal or ClusterType.ZeroAllocated or ClusterType.Compressed;
        // What shows no backing file and holds nothing stays as it is.
        if (_backing is null && !hasContent)
            return (old, false);
        ulong word = KeepsDiscarded(old) ? old.Word : 0;
        if (_geometry.HasSubclusters)
            return (new L2Entry(word, new SubclusterBitmap(SubclusterBitmap.AllZero)), true);
        if (_tables.Header.Version < 3)
            return (L2Entry.Unallocated, true);
        return (L2Entry.Standard(word | L2Entry.ZeroFlag), true);
    }

    /// <summary>
    /// Changes the entries of the clusters of <paramref name="range"/>, as far as they lie in one slice; returns
    /// where to go on. Clusters whose entry stays the same, and parts without an L2 table that read as wanted
    /// already, cost nothing.
    /// </summary>
    private async ValueTask<long> ChangeClustersAsync(
        ByteRange range,
        Func<L2Entry, bool, (L2Entry Entry, bool Frees)> change,
        bool mayUnmap,
        DiscardReason reason,
        CancellationToken cancellation)
    {
        var guest = new GuestOffset(range.Offset);
        using var pins = new PinSet(_tables);
        List<ByteRange>? passDown = null;
        long next;
        while (true)
        {
            MetadataMiss miss;
            using (MetadataScope scope = _tables.Lock.Enter())
            {
                if (CanSkipTable(guest, change, mayUnmap))
                    return Math.Min(range.End, (guest.Value | ((1L << _geometry.L1Shift) - 1)) + 1);
                if (_tables.Map.HasOwnTable(scope, guest, out miss) &&
                    _tables.Map.TryFindSlot(scope, guest, out L2Slot slot, out miss))
                {
                    next = ChangeInSlice(scope, range, slot, change, mayUnmap, reason, ref passDown);
                    break;
                }
            }

            await _loader.ProvideAsync(miss, pins, cancellation).ConfigureAwait(false);
        }

        if (passDown is not null)
        {
            foreach (ByteRange host in passDown)
                await _data.DiscardAsync(host, cancellation).ConfigureAwait(false);
        }

        return next;
    }

    /// <summary>True where the L2 table is missing and an empty entry would stay empty.</summary>
    private bool CanSkipTable(
        GuestOffset guest, Func<L2Entry, bool, (L2Entry Entry, bool Frees)> change, bool mayUnmap) =>
        !_tables.L1[_geometry.L1Index(guest)].IsAllocated &&
            change(L2Entry.Unallocated, mayUnmap).Entry == L2Entry.Unallocated;

    private long ChangeInSlice(
        in MetadataScope scope,
        ByteRange range,
        L2Slot first,
        Func<L2Entry, bool, (L2Entry Entry, bool Frees)> change,
        bool mayUnmap,
        DiscardReason reason,
        ref List<ByteRange>? passDown)
    {
        long offset = _geometry.StartOfCluster(range.Offset);
        for (int position = first.Position; position < _tables.Map.EntriesPerSlice && offset < range.End; position++)
        {
            L2Slot slot = first.At(position - first.Position);
            offset += _geometry.ClusterSize;
            L2Entry old = _tables.Map.Read(scope, slot);
            (L2Entry entry, bool frees) = change(old, mayUnmap);
            if (entry == old)
                continue;
            _tables.Map.Write(scope, slot, entry);
            if (!frees)
                continue;
            bool keepsCluster = old.Offset.Value != 0 && !old.IsCompressed && entry.Offset == old.Offset;
            if (!keepsCluster)
                FreeOldCluster(scope, old, reason);
            if ((keepsCluster || _tables.HasDataFile) && _tables.Options.PassesDiscard(reason) &&
                _tables.Map.Classify(old) is ClusterType.Normal or ClusterType.ZeroAllocated)
                (passDown ??= []).Add(new ByteRange(old.Offset.Value, _geometry.ClusterSize));
        }

        return Math.Min(offset, range.End);
    }
}
