using System.Numerics;
using Byre.Block.Graph;
using Byre.Qcow2.Layout;
using Byre.Qcow2.Metadata;

namespace Byre.Qcow2.Io;

/// <summary>
/// The transaction at the start of a write: finds the longest first part of it that goes to one host range, allocates
/// where it must, and says what is to be copied. Allocation follows the peer: runs do not cross an L2 slice of its
/// default size, and continue behind the previous part where there is room. Stateless but for the tables.
/// </summary>
internal sealed class WritePlanner(ImageTables tables, Func<BlockNode?> backing)
{
    private readonly Geometry _geometry = tables.Geometry;

    /// <summary>
    /// Guest clusters that one part may span: the peer's default L2 slice, bounded so that a part's slices stay few.
    /// </summary>
    private int WindowEntries => Math.Min(65536, _geometry.ClusterSize) / _geometry.L2EntryBytes;

    /// <summary>
    /// Plans the first part of a write; false where something must be provided first. On success its slices are
    /// pinned.
    /// </summary>
    public bool TryPlan(
        in MetadataScope scope,
        GuestOffset guest,
        long maxBytes,
        HostCluster? preferred,
        out AllocationPlan? plan,
        out MetadataMiss miss)
    {
        plan = null;
        if (!tables.Map.HasOwnTable(scope, guest, out miss))
            return false;
        int clusters = ClustersInWindow(guest, maxBytes);
        if (!TryCollect(scope, guest, clusters, out Run run, out miss))
            return false;

        AllocatedRun allocated = default;
        HostOffset host;
        if (!run.NeedsNew)
        {
            host = run.First.Offset;
        }
        else if (tables.HasDataFile)
        {
            host = new HostOffset(_geometry.StartOfCluster(guest.Value));
        }
        else
        {
            if (!TryAllocate(scope, run.Slots.Length, preferred, out allocated, out miss))
                return false;
            run = run.Cut((int)allocated.Count, tables, scope);
            host = _geometry.OffsetOf(allocated.First);
        }

        plan = Build(scope, guest, maxBytes, host, allocated, run);
        if (!plan.NeedsLink && !tables.HasDataFile)
            tables.Overlap.Check(scope, plan.Host, plan.DataBytes, OverlapChecks.None);
        foreach (L2Slot slot in plan.Slots)
            tables.L2Cache.Pin(scope, slot.Slice);
        return true;
    }

    private bool TryAllocate(
        in MetadataScope scope, long count, HostCluster? preferred, out AllocatedRun run, out MetadataMiss miss)
    {
        run = default;
        if (preferred is { } at && !tables.Allocator.TryAllocateAt(scope, at, count, out run, out miss))
            return false;
        if (run.Count == 0 &&
            !tables.Allocator.TryAllocate(scope, count, FormatLimits.MaxHostOffset, out run, out miss))
            return false;
        miss = MetadataMiss.None;
        if (run.First.Index == 0)
            throw new CorruptionException("Preventing invalid allocation of data cluster at offset 0", isFatal: true);
        // Nothing points to the new clusters yet: whoever finds metadata in them found a damaged image.
        tables.Overlap.Check(
            scope, _geometry.OffsetOf(run.First), run.Count << _geometry.ClusterBits, OverlapChecks.None);
        return true;
    }

    private int ClustersInWindow(GuestOffset guest, long maxBytes)
    {
        int inWindow = WindowEntries - (_geometry.L2Index(guest) & (WindowEntries - 1));
        long wanted = _geometry.ClustersFor(_geometry.OffsetInCluster(guest.Value) + maxBytes);
        return (int)Math.Min(inWindow, wanted);
    }

    /// <summary>
    /// Collects the entries of clusters that are treated alike: all need new clusters, or all are adjacent in the
    /// file.
    /// </summary>
    private bool TryCollect(in MetadataScope scope, GuestOffset guest, int clusters, out Run run, out MetadataMiss miss)
    {
        run = default;
        var slots = new L2Slot[clusters];
        L2Entry first = default;
        L2Entry last = default;
        bool needsNew = false;
        int count = 0;
        for (; count < clusters; count++)
        {
            GuestOffset at = new(_geometry.StartOfCluster(guest.Value) + ((long)count << _geometry.ClusterBits));
            if (!tables.Map.TryFindSlot(scope, at, out L2Slot slot, out miss))
                return false;
            L2Entry entry = tables.Map.Read(scope, slot);
            bool entryNeedsNew = NeedsNew(entry, at, slot);
            if (count == 0)
            {
                needsNew = entryNeedsNew;
                first = entry;
            }
            else if (entryNeedsNew != needsNew ||
                     (!needsNew && entry.Offset != first.Offset + ((long)count << _geometry.ClusterBits)))
            {
                break;
            }

            slots[count] = slot;
            last = entry;
        }

        run = new Run(slots.AsSpan(0, count).ToArray(), first, last, needsNew);
        miss = MetadataMiss.None;
        return true;
    }

    private bool NeedsNew(L2Entry entry, GuestOffset at, L2Slot slot)
    {
        ClusterType type = tables.Map.Classify(entry);
        bool hasCluster = type is ClusterType.Normal or ClusterType.ZeroAllocated;
        if (hasCluster ? entry.Bitmap.IsContradictory : entry.Bitmap.Allocated != 0)
        {
            throw new CorruptionException(
                $"Invalid cluster entry found (L2 offset: {MetadataText.Hex(slot.Table.Value)}, L2 index: " +
                $"{MetadataText.Hex(slot.L2Index)})",
                isFatal: true);
        }

        if (!hasCluster || !entry.IsCopied)
            return true;
        if (!_geometry.IsClusterAligned(entry.Offset.Value))
        {
            string what = type == ClusterType.ZeroAllocated ? "Preallocated zero" : "Data";
            throw new CorruptionException(
                $"{what} cluster offset 0x{entry.Offset.Value:x} unaligned (guest offset: " +
                $"{MetadataText.Hex(at.Value)})",
                isFatal: true);
        }

        return false;
    }

    private AllocationPlan Build(
        in MetadataScope scope, GuestOffset guest, long maxBytes, HostOffset hostStart, AllocatedRun allocated, Run run)
    {
        int offsetInCluster = _geometry.OffsetInCluster(guest.Value);
        long runBytes = (long)run.Slots.Length << _geometry.ClusterBits;
        long dataBytes = Math.Min(maxBytes, runBytes - offsetInCluster);
        long end = guest.Value + dataBytes;
        long headBytes = HeadBytes(run, guest.Value);
        long tailBytes = TailBytes(run, end);
        bool needsLink = run.NeedsNew || !CoversDataOnly(scope, run, guest, end);
        return new AllocationPlan
        {
            Guest = guest,
            DataBytes = dataBytes,
            Host = hostStart + offsetInCluster,
            HeadBytes = needsLink ? headBytes : 0,
            TailBytes = needsLink ? tailBytes : 0,
            HeadIsZero = IsKnownZero(run.First, guest.Value, guest.Value - headBytes),
            TailIsZero = IsKnownZero(run.Last, end - 1, end),
            NewRun = allocated,
            Slots = needsLink ? run.Slots : [],
            NextHost = _geometry.ClusterOf(hostStart) + run.Slots.Length,
        };
    }

    /// <summary>
    /// True where every subcluster that the data touches is stored already: the entries stay as they are.
    /// </summary>
    private bool CoversDataOnly(in MetadataScope scope, Run run, GuestOffset guest, long end)
    {
        for (int i = 0; i < run.Slots.Length; i++)
        {
            L2Entry entry = tables.Map.Read(scope, run.Slots[i]);
            if (tables.Map.Classify(entry) != ClusterType.Normal)
                return false;
            if (!_geometry.HasSubclusters)
                continue;
            int first = i == 0 ? _geometry.SubclusterIndex(guest.Value) : 0;
            int last = i == run.Slots.Length - 1 ? _geometry.SubclusterIndex(end - 1) : _geometry.SubclusterCount - 1;
            ulong wanted = SubclusterBitmap.AllocatedMask(first, last - first + 1);
            if ((entry.Bitmap.Raw & wanted) != wanted)
                return false;
        }

        return true;
    }

    private long HeadBytes(Run run, long guest)
    {
        int index = _geometry.SubclusterIndex(guest);
        SubclusterType type = run.First.ClassifySubcluster(index, _geometry.HasSubclusters, tables.HasDataFile);
        int fromSubcluster = _geometry.OffsetInSubcluster(guest);
        int fromCluster = _geometry.OffsetInCluster(guest);
        if (!run.NeedsNew)
            return type == SubclusterType.Normal ? 0 : fromSubcluster;
        switch (type)
        {
            case SubclusterType.Compressed:
                return fromCluster;
            case SubclusterType.ZeroPlain or SubclusterType.UnallocatedPlain:
                return fromSubcluster;
            default:
                if (!_geometry.HasSubclusters)
                    return fromCluster;
                // Leading subclusters that hold no data of their own keep their bits: they need no copy.
                int first = Math.Min(index, BitOperations.TrailingZeroCount(run.First.Bitmap.Allocated));
                return fromCluster - ((long)first << _geometry.SubclusterBits);
        }
    }

    private long TailBytes(Run run, long end)
    {
        int index = _geometry.SubclusterIndex(end - 1);
        SubclusterType type = run.Last.ClassifySubcluster(index, _geometry.HasSubclusters, tables.HasDataFile);
        long toSubcluster = -end & (_geometry.SubclusterSize - 1);
        long toCluster = -end & (_geometry.ClusterSize - 1);
        if (!run.NeedsNew)
            return type == SubclusterType.Normal ? 0 : toSubcluster;
        switch (type)
        {
            case SubclusterType.Compressed:
                return toCluster;
            case SubclusterType.ZeroPlain or SubclusterType.UnallocatedPlain:
                return toSubcluster;
            default:
                if (!_geometry.HasSubclusters)
                    return toCluster;
                int last = Math.Min(
                    _geometry.SubclusterCount - index - 1, BitOperations.LeadingZeroCount(run.Last.Bitmap.Allocated));
                return toCluster - ((long)last << _geometry.SubclusterBits);
        }
    }

    /// <summary>
    /// True where the old content around the data is zeroes without looking: the copy lies in one subcluster of a
    /// known type.
    /// </summary>
    private bool IsKnownZero(L2Entry entry, long inside, long start)
    {
        SubclusterType type = entry.ClassifySubcluster(
            _geometry.SubclusterIndex(inside), _geometry.HasSubclusters, tables.HasDataFile);
        switch (type)
        {
            case SubclusterType.ZeroPlain:
                return true;
            case SubclusterType.ZeroAllocated:
                // A shared cluster is copied as a whole: other subclusters may hold data.
                return !_geometry.HasSubclusters || entry.IsCopied;
            case SubclusterType.UnallocatedPlain:
                return start >= (backing()?.LengthBytes ?? 0);
            case SubclusterType.UnallocatedAllocated:
                return entry.IsCopied && start >= (backing()?.LengthBytes ?? 0);
            default:
                return false;
        }
    }

    /// <summary>Adjacent guest clusters that are treated alike.</summary>
    private readonly record struct Run(L2Slot[] Slots, L2Entry First, L2Entry Last, bool NeedsNew)
    {
        /// <summary>The first <paramref name="count"/> clusters of the run.</summary>
        public Run Cut(int count, ImageTables tables, in MetadataScope scope) =>
            count == Slots.Length
                ? this
                : this with { Slots = Slots[..count], Last = tables.Map.Read(scope, Slots[count - 1]) };
    }
}
