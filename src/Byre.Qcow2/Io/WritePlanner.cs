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

    /// <summary>Slices that one part may need at once.</summary>
    public int MaxSlices => Math.Max(1, (WindowEntries << _geometry.L2EntryBits) >> tables.L2Cache.SliceBits);

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
        if (!tables.Map.HasOwnTable(scope, guest, out miss) ||
            !TryCollect(scope, guest, ClustersInWindow(guest, maxBytes), out Run run, out miss))
            return false;
        AllocatedRun allocated = default;
        if (run.NeedsNew && !tables.HasDataFile)
        {
            if (preferred is { } at && !TryAllocateAt(scope, at, run.Count, out allocated, out miss))
                return false;
            if (allocated.Count == 0 && !TryAllocate(scope, run.Count, out allocated, out miss))
                return false;
        }

        plan = Finish(scope, guest, maxBytes, run, allocated);
        return true;
    }

    /// <summary>
    /// Plans what follows a plan in the guest where it also follows in the file, so that one write does both; null
    /// where that is not so, or not known without loading something.
    /// </summary>
    public AllocationPlan? TryContinue(in MetadataScope scope, AllocationPlan plan, long maxBytes)
    {
        GuestOffset guest = plan.Guest + plan.DataBytes;
        if (!_geometry.IsClusterAligned(guest.Value) || !tables.Map.HasOwnTable(scope, guest, out _) ||
            !TryCollect(scope, guest, ClustersInWindow(guest, maxBytes), out Run run, out _))
            return null;
        AllocatedRun allocated = default;
        bool follows = run.NeedsNew
            ? tables.HasDataFile ||
                (TryAllocateAt(scope, plan.NextHost, run.Count, out allocated, out _) && allocated.Count > 0)
            : run.First.Offset == _geometry.OffsetOf(plan.NextHost);
        return follows ? Finish(scope, guest, maxBytes, run, allocated) : null;
    }

    private AllocationPlan Finish(
        in MetadataScope scope, GuestOffset guest, long maxBytes, Run run, AllocatedRun allocated)
    {
        HostOffset host = run.First.Offset;
        if (run.NeedsNew && tables.HasDataFile)
        {
            host = new HostOffset(_geometry.StartOfCluster(guest.Value));
        }
        else if (run.NeedsNew)
        {
            run = Cut(scope, run, (int)allocated.Count);
            host = _geometry.OffsetOf(allocated.First);
        }

        AllocationPlan plan = Build(scope, guest, maxBytes, host, allocated, run);
        if (!plan.NeedsLink && !tables.HasDataFile)
            tables.Overlap.Check(scope, plan.Host, plan.DataBytes, OverlapChecks.None);
        foreach (L2Run entries in plan.Entries)
            tables.L2Cache.Pin(scope, entries.First.Slice);
        return plan;
    }

    private bool TryAllocateAt(
        in MetadataScope scope, HostCluster at, long count, out AllocatedRun run, out MetadataMiss miss)
    {
        if (!tables.Allocator.TryAllocateAt(scope, at, count, out run, out miss))
            return false;
        if (run.Count > 0)
            Admit(scope, run);
        return true;
    }

    private bool TryAllocate(in MetadataScope scope, long count, out AllocatedRun run, out MetadataMiss miss)
    {
        if (!tables.Allocator.TryAllocate(scope, count, FormatLimits.MaxHostOffset, out run, out miss))
            return false;
        Admit(scope, run);
        return true;
    }

    /// <summary>Looks at clusters that are about to hold data.</summary>
    private void Admit(in MetadataScope scope, AllocatedRun run)
    {
        if (run.First.Index == 0)
            throw new CorruptionException("Preventing invalid allocation of data cluster at offset 0", isFatal: true);
        // Nothing points to the new clusters yet: whoever finds metadata in them found a damaged image.
        tables.Overlap.Check(
            scope, _geometry.OffsetOf(run.First), run.Count << _geometry.ClusterBits, OverlapChecks.None);
        if (run.IsPristine)
            tables.Pristine.KeepBlank(run.First, run.Count);
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
        run = new Run([], 0, default, default, false);
        for (bool goesOn = true; goesOn && run.Count < clusters;)
        {
            GuestOffset at = new(_geometry.StartOfCluster(guest.Value) + ((long)run.Count << _geometry.ClusterBits));
            if (!tables.Map.TryFindSlot(scope, at, out L2Slot slot, out miss))
                return false;
            int sliceEnd = run.Count + Math.Min(clusters - run.Count, tables.Map.EntriesPerSlice - slot.Position);
            run = Continue(scope, run, slot, sliceEnd, at);
            goesOn = run.Count == sliceEnd;
        }

        miss = MetadataMiss.None;
        return true;
    }

    /// <summary>
    /// The run with the next entries of a slice, as far as they are like it, until it has <paramref name="end"/>
    /// clusters.
    /// </summary>
    private Run Continue(in MetadataScope scope, Run run, L2Slot slot, int end, GuestOffset guest)
    {
        L2Entry first = run.First;
        L2Entry last = run.Last;
        bool needsNew = run.NeedsNew;
        int count = run.Count;
        for (; count < end; count++)
        {
            int distance = count - run.Count;
            L2Entry entry = tables.Map.Read(scope, slot.At(distance));
            bool entryNeedsNew = NeedsNew(entry, guest, slot, distance);
            if (count == 0)
                (first, needsNew) = (entry, entryNeedsNew);
            else if (entryNeedsNew != needsNew ||
                     (!needsNew && entry.Offset != first.Offset + ((long)count << _geometry.ClusterBits)))
                break;
            last = entry;
        }

        L2Run[] entries = count == run.Count ? run.Entries : [.. run.Entries, new L2Run(slot, count - run.Count)];
        return new Run(entries, count, first, last, needsNew);
    }

    private bool NeedsNew(L2Entry entry, GuestOffset guest, L2Slot first, int distance)
    {
        if (entry == L2Entry.Unallocated)
            return true;
        ClusterType type = tables.Map.Classify(entry);
        bool hasCluster = type is ClusterType.Normal or ClusterType.ZeroAllocated;
        if (hasCluster ? entry.Bitmap.IsContradictory : entry.Bitmap.Allocated != 0)
            throw InvalidEntry(first.At(distance));
        if (!hasCluster || !entry.IsCopied)
            return true;
        if (!_geometry.IsClusterAligned(entry.Offset.Value))
            throw UnalignedCluster(type, entry, guest + ((long)distance << _geometry.ClusterBits));
        return false;
    }

    private static CorruptionException InvalidEntry(L2Slot slot) => new(
        $"Invalid cluster entry found (L2 offset: {MetadataText.Hex(slot.Table.Value)}, L2 index: " +
        $"{MetadataText.Hex(slot.L2Index)})",
        isFatal: true);

    private static CorruptionException UnalignedCluster(ClusterType type, L2Entry entry, GuestOffset guest)
    {
        string what = type == ClusterType.ZeroAllocated ? "Preallocated zero" : "Data";
        return new CorruptionException(
            $"{what} cluster offset 0x{entry.Offset.Value:x} unaligned (guest offset: " +
            $"{MetadataText.Hex(guest.Value)})",
            isFatal: true);
    }

    private AllocationPlan Build(
        in MetadataScope scope, GuestOffset guest, long maxBytes, HostOffset hostStart, AllocatedRun allocated, Run run)
    {
        int offsetInCluster = _geometry.OffsetInCluster(guest.Value);
        long runBytes = (long)run.Count << _geometry.ClusterBits;
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
            HeadIsBlank = IsBlank(allocated, hostStart),
            TailIsBlank = IsBlank(allocated, hostStart + (runBytes - 1)),
            NewRun = allocated,
            Entries = needsLink ? run.Entries : [],
            NextHost = _geometry.ClusterOf(hostStart) + run.Count,
        };
    }

    /// <summary>True where the file reads as zeroes around what is stored in the cluster at a host offset.</summary>
    private bool IsBlank(AllocatedRun allocated, HostOffset host) => allocated.Count > 0
        ? allocated.IsPristine
        : !tables.HasDataFile && tables.Pristine.IsBlank(_geometry.ClusterOf(host));

    /// <summary>
    /// True where every subcluster that the data touches is stored already: the entries stay as they are.
    /// </summary>
    private bool CoversDataOnly(in MetadataScope scope, Run run, GuestOffset guest, long end)
    {
        int cluster = 0;
        foreach (L2Run entries in run.Entries)
        {
            for (int i = 0; i < entries.Count; i++, cluster++)
            {
                L2Entry entry = tables.Map.Read(scope, entries.First.At(i));
                if (tables.Map.Classify(entry) != ClusterType.Normal)
                    return false;
                if (!_geometry.HasSubclusters)
                    continue;
                int first = cluster == 0 ? _geometry.SubclusterIndex(guest.Value) : 0;
                int last = cluster == run.Count - 1
                    ? _geometry.SubclusterIndex(end - 1)
                    : _geometry.SubclusterCount - 1;
                ulong wanted = SubclusterBitmap.AllocatedMask(first, last - first + 1);
                if ((entry.Bitmap.Raw & wanted) != wanted)
                    return false;
            }
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

    /// <summary>The first <paramref name="count"/> clusters of a run.</summary>
    private Run Cut(in MetadataScope scope, Run run, int count)
    {
        if (count == run.Count)
            return run;
        var kept = new List<L2Run>();
        for (int left = count; left > 0; left -= kept[^1].Count)
        {
            L2Run entries = run.Entries[kept.Count];
            kept.Add(entries with { Count = Math.Min(entries.Count, left) });
        }

        L2Run end = kept[^1];
        return run with
        {
            Entries = kept.ToArray(),
            Count = count,
            Last = tables.Map.Read(scope, end.First.At(end.Count - 1)),
        };
    }

    /// <summary>Adjacent guest clusters that are treated alike.</summary>
    /// <param name="Entries">Their entries, in order.</param>
    /// <param name="Count">How many clusters.</param>
    /// <param name="First">The first entry.</param>
    /// <param name="Last">The last entry.</param>
    /// <param name="NeedsNew">They get new host clusters; else theirs are adjacent, and this image's own.</param>
    private readonly record struct Run(L2Run[] Entries, int Count, L2Entry First, L2Entry Last, bool NeedsNew);
}
