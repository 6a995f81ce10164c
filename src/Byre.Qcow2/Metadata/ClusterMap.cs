using System.Buffers.Binary;
using Byre.Qcow2.Layout;

namespace Byre.Qcow2.Metadata;

/// <summary>
/// Guest offsets to L2 entries: look-up, and change of entries in the slice cache. Every member is called under the
/// metadata lock. A look-up that lacks a slice says so; nothing has changed then.
/// </summary>
internal sealed class ClusterMap(ImageTables tables)
{
    private readonly Geometry _geometry = tables.Geometry;
    private readonly SliceCache _cache = tables.L2Cache;
    private readonly int _entriesPerSlice = tables.L2Cache.SliceBytes / tables.Geometry.L2EntryBytes;

    /// <summary>Entries of one slice.</summary>
    public int EntriesPerSlice => _entriesPerSlice;

    /// <summary>
    /// What the bytes from <paramref name="guest"/> on are mapped to: the longest run of one type within a slice, at
    /// most
    /// <paramref name="maxBytes"/>.
    /// </summary>
    /// <exception cref="CorruptionException">The entries contradict themselves.</exception>
    public bool TryLookup(
        in MetadataScope scope, GuestOffset guest, long maxBytes, out ClusterMapping mapping, out MetadataMiss miss)
    {
        long l1Index = _geometry.L1Index(guest);
        long toTableEnd = (1L << _geometry.L1Shift) - (guest.Value & ((1L << _geometry.L1Shift) - 1));
        if (l1Index >= tables.L1.EntryCount || !tables.L1[l1Index].IsAllocated)
        {
            mapping = new ClusterMapping
            {
                Type = SubclusterType.UnallocatedPlain,
                LengthBytes = Math.Min(maxBytes, toTableEnd),
            };
            miss = MetadataMiss.None;
            return true;
        }

        if (!TryFindSlot(scope, guest, out L2Slot slot, out miss))
        {
            mapping = default;
            return false;
        }

        mapping = Describe(scope, guest, maxBytes, slot);
        return true;
    }

    /// <summary>Finds the entry of <paramref name="guest"/>; its L1 entry must be allocated.</summary>
    public bool TryFindSlot(in MetadataScope scope, GuestOffset guest, out L2Slot slot, out MetadataMiss miss)
    {
        long l1Index = _geometry.L1Index(guest);
        HostOffset table = tables.L1[l1Index].TableOffset;
        if (!_geometry.IsClusterAligned(table.Value))
        {
            throw new CorruptionException(
                $"L2 table offset 0x{table.Value:x} unaligned (L1 index: {MetadataText.Hex(l1Index)})", isFatal: true);
        }

        int l2Index = _geometry.L2Index(guest);
        HostOffset slice = _cache.SliceOf(table + ((long)l2Index << _geometry.L2EntryBits));
        if (!_cache.TryFind(scope, slice, out int index))
        {
            slot = default;
            miss = MetadataMiss.ForL2Slice(slice);
            return false;
        }

        slot = new L2Slot(index, l2Index & (_entriesPerSlice - 1), table, l2Index);
        miss = MetadataMiss.None;
        return true;
    }

    /// <summary>
    /// True where the L2 table of <paramref name="guest"/> exists and is this image's own, so that entries may
    /// change.
    /// </summary>
    public bool HasOwnTable(in MetadataScope scope, GuestOffset guest, out MetadataMiss miss)
    {
        _ = scope;
        long l1Index = _geometry.L1Index(guest);
        L1Entry entry = tables.L1[l1Index];
        bool own = entry.IsAllocated && entry.IsCopied;
        miss = own ? MetadataMiss.None : MetadataMiss.ForL2Table(l1Index);
        return own;
    }

    public L2Entry Read(in MetadataScope scope, L2Slot slot) =>
        ReadAt(_cache.Content(scope, slot.Slice), slot.Position);

    /// <summary>Changes an entry. What it points to must be on its way: data written, count incremented.</summary>
    public void Write(in MetadataScope scope, L2Slot slot, L2Entry entry)
    {
        Span<byte> content = _cache.Content(scope, slot.Slice)[(slot.Position << _geometry.L2EntryBits)..];
        if (_geometry.HasSubclusters)
        {
            // What is stored no longer leaves its bytes behind.
            L2Entry old = ReadAt(content, 0);
            if (old.Offset == entry.Offset && (old.Bitmap.Allocated & ~entry.Bitmap.Allocated) != 0)
                tables.Pristine.ForgetBlank(_geometry.ClusterOf(old.Offset));
        }

        BinaryPrimitives.WriteUInt64BigEndian(content, entry.Word);
        if (_geometry.HasSubclusters)
            BinaryPrimitives.WriteUInt64BigEndian(content[8..], entry.Bitmap.Raw);
        _cache.MarkDirty(scope, slot.Slice);
    }

    /// <summary>What <paramref name="entry"/> says of the whole cluster.</summary>
    public ClusterType Classify(L2Entry entry) => entry.Classify(_geometry.HasSubclusters, tables.HasDataFile);

    private L2Entry ReadAt(ReadOnlySpan<byte> slice, int position)
    {
        ReadOnlySpan<byte> content = slice[(position << _geometry.L2EntryBits)..];
        ulong word = BinaryPrimitives.ReadUInt64BigEndian(content);
        return _geometry.HasSubclusters
            ? new L2Entry(word, new SubclusterBitmap(BinaryPrimitives.ReadUInt64BigEndian(content[8..])))
            : L2Entry.Standard(word);
    }

    private ClusterMapping Describe(in MetadataScope scope, GuestOffset guest, long maxBytes, L2Slot slot)
    {
        ReadOnlySpan<byte> slice = _cache.Content(scope, slot.Slice);
        L2Entry entry = ReadAt(slice, slot.Position);
        int subcluster = _geometry.SubclusterIndex(guest.Value);
        SubclusterType type = entry.ClassifySubcluster(subcluster, _geometry.HasSubclusters, tables.HasDataFile);
        Validate(type, entry, guest, slot);

        long toClusterEnd = _geometry.ClusterSize - _geometry.OffsetInCluster(guest.Value);
        if (type == SubclusterType.Compressed)
        {
            return new ClusterMapping
            {
                Type = type,
                LengthBytes = Math.Min(maxBytes, toClusterEnd),
                CompressedWord = entry.Word,
            };
        }

        long length = RunInCluster(entry, guest.Value, out bool reachesEnd);
        bool copied = entry.IsCopied;
        if (reachesEnd)
            length += RunBeyond(slice, slot.Position, entry, type, maxBytes - length, ref copied);
        return new ClusterMapping
        {
            Type = type,
            LengthBytes = Math.Min(maxBytes, length),
            Host = entry.Offset + _geometry.OffsetInCluster(guest.Value),
            IsCopied = copied,
        };
    }

    private long RunInCluster(L2Entry entry, long guest, out bool reachesEnd)
    {
        long toClusterEnd = _geometry.ClusterSize - _geometry.OffsetInCluster(guest);
        reachesEnd = true;
        if (!_geometry.HasSubclusters)
            return toClusterEnd;
        int first = _geometry.SubclusterIndex(guest);
        int count = entry.Bitmap.RunLength(first);
        reachesEnd = first + count == Geometry.ExtendedSubclusterCount;
        return ((long)count << _geometry.SubclusterBits) - _geometry.OffsetInSubcluster(guest);
    }

    /// <summary>How far the run goes on in the following entries of the slice.</summary>
    private long RunBeyond(
        ReadOnlySpan<byte> slice, int position, L2Entry first, SubclusterType type, long maxBytes, ref bool copied)
    {
        bool hasHost =
            type is SubclusterType.Normal or SubclusterType.ZeroAllocated or SubclusterType.UnallocatedAllocated;
        long host = first.Offset.Value;
        long length = 0;
        for (int next = position + 1; next < _entriesPerSlice && length < maxBytes; next++)
        {
            L2Entry entry = ReadAt(slice, next);
            if (entry.ClassifySubcluster(0, _geometry.HasSubclusters, tables.HasDataFile) != type)
                break;
            host += _geometry.ClusterSize;
            if (hasHost && entry.Offset.Value != host)
                break;
            copied &= entry.IsCopied;
            length += RunInCluster(entry, 0, out bool reachesEnd);
            if (!reachesEnd)
                break;
        }

        return length;
    }

    private void Validate(SubclusterType type, L2Entry entry, GuestOffset guest, L2Slot slot)
    {
        switch (type)
        {
            case SubclusterType.Invalid:
                throw Corrupt("Invalid cluster entry found ", slot);
            case SubclusterType.ZeroPlain or SubclusterType.ZeroAllocated
                when tables.Header.Version < 3 && !_geometry.HasSubclusters:
                throw Corrupt("Zero cluster entry found in pre-v3 image", slot);
            case SubclusterType.Compressed when tables.HasDataFile:
                throw Corrupt("Compressed cluster entry found in image with external data file", slot);
            case SubclusterType.Normal or SubclusterType.ZeroAllocated or SubclusterType.UnallocatedAllocated:
                if (!_geometry.IsClusterAligned(entry.Offset.Value))
                    throw Corrupt($"Cluster allocation offset 0x{entry.Offset.Value:x} unaligned", slot);
                if (tables.HasDataFile && entry.Offset.Value != _geometry.StartOfCluster(guest.Value))
                {
                    throw new CorruptionException(
                        $"External data file host cluster offset {MetadataText.Hex(entry.Offset.Value)} does not " +
                        "match guest " +
                        $"cluster offset: {MetadataText.Hex(_geometry.StartOfCluster(guest.Value))}, L2 index: " +
                        $"{MetadataText.Hex(slot.L2Index)})",
                        isFatal: true);
                }

                break;
        }
    }

    private static CorruptionException Corrupt(string what, L2Slot slot) =>
        new($"{what} (L2 offset: {MetadataText.Hex(slot.Table.Value)}, L2 index: {MetadataText.Hex(slot.L2Index)})",
            isFatal: true);
}
