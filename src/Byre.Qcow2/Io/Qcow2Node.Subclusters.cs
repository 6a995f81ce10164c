using Byre.Block.Errors;
using Byre.Block.Requests;
using Byre.Qcow2.Layout;
using Byre.Qcow2.Metadata;

namespace Byre.Qcow2.Io;

/// <content>Zeroes and discards of a part of a cluster: by the bits of its subclusters, without touching
/// data.</content>
internal sealed partial class Qcow2Node
{
    /// <summary>
    /// Makes whole subclusters of one cluster read as zeroes, for a caller that holds an exclusive lease on it; returns
    /// the end of <paramref name="range"/>. A discard gives their space back besides: the cluster's, once none of its
    /// subclusters holds data, else what lies under them where the file may have holes.
    /// </summary>
    private async ValueTask<long> ZeroSubclustersAsync(
        ByteRange range, bool isDiscard, CancellationToken cancellation)
    {
        using var pins = new PinSet(_tables);
        var guest = new GuestOffset(range.Offset);
        ByteRange unused = default;
        while (true)
        {
            MetadataMiss miss;
            using (MetadataScope scope = _tables.Lock.Enter())
            {
                if (isDiscard && CanSkipTable(guest, DiscardedEntry, mayUnmap: true))
                    return range.End;
                if (_tables.Map.HasOwnTable(scope, guest, out miss) &&
                    _tables.Map.TryFindSlot(scope, guest, out L2Slot slot, out miss))
                {
                    unused = ZeroInEntry(scope, slot, range, isDiscard);
                    break;
                }
            }

            await _loader.ProvideAsync(miss, pins, cancellation).ConfigureAwait(false);
        }

        if (!unused.IsEmpty)
            await _data.DiscardAsync(unused, cancellation).ConfigureAwait(false);
        return range.End;
    }

    /// <summary>Changes the entry; returns the host bytes whose data nobody needs any more.</summary>
    private ByteRange ZeroInEntry(in MetadataScope scope, L2Slot slot, ByteRange range, bool isDiscard)
    {
        int first = _geometry.SubclusterIndex(range.Offset);
        int count = (int)((range.Length + _geometry.SubclusterSize - 1) >> _geometry.SubclusterBits);
        ulong allocated = SubclusterBitmap.AllocatedMask(first, count);
        L2Entry old = _tables.Map.Read(scope, slot);
        // The bitmap of a compressed cluster says nothing: it cannot be zeroed in part.
        if (old.IsCompressed)
            return isDiscard ? default : throw BlockException.FromErrno(Errno.NotSupported);
        // What shows no backing file and holds nothing stays as it is.
        bool heldData = (old.Bitmap.Raw & allocated) != 0;
        if (isDiscard && !heldData && _backing is null)
            return default;
        var bitmap = new SubclusterBitmap(
            (old.Bitmap.Raw | SubclusterBitmap.ZeroMask(first, count)) & ~allocated);
        bool frees = isDiscard && heldData && bitmap.Allocated == 0 && !KeepsDiscarded(old);
        var entry = new L2Entry(frees ? 0 : old.Word, bitmap);
        if (entry != old)
            _tables.Map.Write(scope, slot, entry);
        if (frees)
            FreeOldCluster(scope, old, DiscardReason.Request);
        bool holds = isDiscard && heldData && old.IsCopied && (!frees || _tables.HasDataFile) &&
            _tables.Options.PassesDiscard(DiscardReason.Request);
        return holds
            ? new ByteRange(old.Offset.Value + _geometry.OffsetInCluster(range.Offset), range.Length)
            : default;
    }
}
