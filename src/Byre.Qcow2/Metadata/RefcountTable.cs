using Byre.Block.Errors;
using Byre.Qcow2.Layout;

namespace Byre.Qcow2.Metadata;

/// <summary>
/// The refcount table, in memory as far as the file has it, and the reference counts behind it, through the slice
/// cache. What the cache holds may always be written: increments need nothing before them, and decrements are applied
/// only once the removal of the reference is stable (see <see cref="ClusterQuarantine"/>). Every member is called
/// under the metadata lock.
/// </summary>
internal sealed class RefcountTable
{
    private const ulong OffsetMask = 0xffff_ffff_ffff_fe00;

    private readonly Geometry _geometry;
    private readonly SliceCache _cache;
    private readonly int _entriesPerSliceBits;
    private ulong[] _entries;

    public RefcountTable(
        Geometry geometry, SliceCache cache, RefcountTableLocation location, ReadOnlySpan<byte> bigEndian)
    {
        _geometry = geometry;
        _cache = cache;
        _entriesPerSliceBits = cache.SliceBits + 3 - geometry.RefcountOrder;
        Location = location;
        _entries = TableCodec.Decode(bigEndian);
    }

    public RefcountTableLocation Location { get; private set; }

    /// <summary>Entries that fit the table as it is.</summary>
    public int EntryCount => Location.ClusterCount << (_geometry.ClusterBits - 3);

    public SliceCache Cache => _cache;

    /// <summary>Index of the refcount block that counts <paramref name="cluster"/>.</summary>
    public long BlockIndex(HostCluster cluster) => cluster.Index >> _geometry.RefcountBlockBits;

    /// <summary>Slices that the counts of so many adjacent clusters lie in, at most.</summary>
    public int SlicesFor(long clusters) => (int)(clusters >> _entriesPerSliceBits) + 2;

    /// <summary>The block at <paramref name="index"/>; offset 0 where there is none.</summary>
    public HostOffset BlockAt(long index) =>
        index < _entries.Length ? new HostOffset((long)(_entries[index] & OffsetMask)) : default;

    public ulong[] CopyEntries()
    {
        ulong[] copy = new ulong[EntryCount];
        _entries.CopyTo(copy, 0);
        return copy;
    }

    /// <summary>
    /// Points an entry to a block whose content and own count are stable, and whose table entry has been written.
    /// </summary>
    public void InstallBlock(in MetadataScope scope, long index, HostOffset block)
    {
        _ = scope;
        if (index >= _entries.Length)
            Array.Resize(ref _entries, EntryCount);
        // On a damaged image reserved bits may be set where no block is.
        Invariant.That((_entries[index] & OffsetMask) == 0);
        _entries[index] = (ulong)block.Value;
    }

    /// <summary>Takes over a table that has been written elsewhere and that the header points to.</summary>
    public void Replace(in MetadataScope scope, RefcountTableLocation location, ulong[] entries)
    {
        _ = scope;
        Location = location;
        _entries = entries;
    }

    /// <summary>
    /// The count of a cluster; false where a slice must be loaded first. Clusters without a block count 0.
    /// </summary>
    public bool TryGet(in MetadataScope scope, HostCluster cluster, out ulong refcount, out MetadataMiss miss)
    {
        refcount = 0;
        HostOffset block = CheckedBlock(cluster);
        if (block.Value == 0)
        {
            miss = MetadataMiss.None;
            return true;
        }

        if (!TryFindSlice(scope, block, cluster, out int slice, out miss))
            return false;
        refcount = RefcountCodec.Get(_cache.Content(scope, slice), IndexInSlice(cluster), _geometry.RefcountOrder);
        return true;
    }

    /// <summary>
    /// Counts free clusters (no reference) from <paramref name="first"/> on, at most <paramref name="limit"/>; false
    /// where a slice must be loaded first: then <paramref name="free"/> were found before it.
    /// </summary>
    public bool TryCountFree(
        in MetadataScope scope, HostCluster first, long limit, out long free, out MetadataMiss miss) =>
        TryCountRun(scope, first, limit, wantFree: true, out free, out miss);

    /// <summary>Counts clusters in use from <paramref name="first"/> on; see <see cref="TryCountFree"/>.</summary>
    public bool TryCountUsed(in MetadataScope scope, HostCluster first, out long used, out MetadataMiss miss) =>
        TryCountRun(scope, first, long.MaxValue, wantFree: false, out used, out miss);

    /// <summary>
    /// Makes sure that the counts of a run can be changed without a miss: every block exists, every slice is loaded.
    /// </summary>
    public bool TryPrepare(in MetadataScope scope, HostCluster first, long count, out MetadataMiss miss)
    {
        long perSlice = 1L << _entriesPerSliceBits;
        for (long index = first.Index; index < first.Index + count; index = (index | (perSlice - 1)) + 1)
        {
            var cluster = new HostCluster(index);
            HostOffset block = CheckedBlock(cluster);
            if (block.Value == 0)
            {
                miss = MetadataMiss.ForRefcountBlock(cluster);
                return false;
            }

            if (!TryFindSlice(scope, block, cluster, out _, out miss))
                return false;
        }

        miss = MetadataMiss.None;
        return true;
    }

    /// <summary>Adds to a count that <see cref="TryPrepare"/> covered; returns the new count.</summary>
    /// <exception cref="BlockException">The count would exceed its width, or fall below zero.</exception>
    public ulong Add(in MetadataScope scope, HostCluster cluster, int delta)
    {
        HostOffset block = CheckedBlock(cluster);
        Invariant.That(TryFindSlice(scope, block, cluster, out int slice, out _));
        Span<byte> content = _cache.Content(scope, slice);
        int index = IndexInSlice(cluster);
        ulong old = RefcountCodec.Get(content, index, _geometry.RefcountOrder);
        if (delta > 0 ? old > _geometry.RefcountMax - (ulong)delta : old < (ulong)-delta)
            throw BlockException.FromErrno(Errno.Invalid);
        ulong value = delta > 0 ? old + (ulong)delta : old - (ulong)-delta;
        RefcountCodec.Set(content, index, _geometry.RefcountOrder, value);
        _cache.MarkDirty(scope, slice);
        return value;
    }

    /// <summary>
    /// Counts a run of free clusters once; <see cref="TryPrepare"/> covered it.
    /// </summary>
    /// <exception cref="CorruptionException">One of them is in use now: two table entries name one block.</exception>
    public void Take(in MetadataScope scope, HostCluster first, long count)
    {
        int perSlice = 1 << _entriesPerSliceBits;
        for (long done = 0; done < count;)
        {
            HostCluster cluster = first + done;
            Invariant.That(TryFindSlice(scope, CheckedBlock(cluster), cluster, out int slice, out _));
            Span<byte> content = _cache.Content(scope, slice);
            _cache.MarkDirty(scope, slice);
            int start = IndexInSlice(cluster);
            int end = (int)Math.Min(perSlice, start + count - done);
            for (int index = start; index < end; index++)
            {
                if (RefcountCodec.Get(content, index, _geometry.RefcountOrder) != 0)
                    throw new CorruptionException("Refcount block counts two places", isFatal: true);
                RefcountCodec.Set(content, index, _geometry.RefcountOrder, 1);
            }

            done += end - start;
        }
    }

    private bool TryCountRun(
        in MetadataScope scope, HostCluster first, long limit, bool wantFree, out long count, out MetadataMiss miss)
    {
        count = 0;
        miss = MetadataMiss.None;
        while (count < limit)
        {
            HostCluster cluster = first + count;
            HostOffset block = CheckedBlock(cluster);
            if (block.Value == 0)
            {
                if (!wantFree)
                    return true;
                long rest = _geometry.RefcountsPerBlock - (cluster.Index & (_geometry.RefcountsPerBlock - 1));
                count = Math.Min(limit, count + rest);
                continue;
            }

            if (!TryFindSlice(scope, block, cluster, out int slice, out miss))
                return false;
            if (CountInSlice(_cache.Content(scope, slice), cluster, limit, wantFree, ref count))
                return true;
        }

        return true;
    }

    /// <summary>Counts on to the end of one slice; true where the run ended inside it.</summary>
    private bool CountInSlice(
        ReadOnlySpan<byte> content, HostCluster cluster, long limit, bool wantFree, ref long count)
    {
        int order = _geometry.RefcountOrder;
        int end = 1 << _entriesPerSliceBits;
        for (int index = IndexInSlice(cluster); index < end && count < limit; index++, count++)
        {
            if (RefcountCodec.Get(content, index, order) == 0 != wantFree)
                return true;
        }

        return false;
    }

    private HostOffset CheckedBlock(HostCluster cluster)
    {
        long index = BlockIndex(cluster);
        HostOffset block = BlockAt(index);
        if (!_geometry.IsClusterAligned(block.Value))
        {
            throw new CorruptionException(
                $"Refblock offset 0x{block.Value:x} unaligned (reftable index: {MetadataText.Hex(index)})",
                isFatal: true);
        }

        return block;
    }

    private bool TryFindSlice(
        in MetadataScope scope, HostOffset block, HostCluster cluster, out int slice, out MetadataMiss miss)
    {
        long indexInBlock = cluster.Index & (_geometry.RefcountsPerBlock - 1);
        HostOffset offset = block + ((indexInBlock >> _entriesPerSliceBits) << _cache.SliceBits);
        bool found = _cache.TryFind(scope, offset, out slice);
        miss = found ? MetadataMiss.None : MetadataMiss.ForRefcountSlice(offset);
        return found;
    }

    private int IndexInSlice(HostCluster cluster) => (int)(cluster.Index & ((1L << _entriesPerSliceBits) - 1));
}
