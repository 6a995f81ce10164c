using System.Runtime.InteropServices;
using Byre.Block.Errors;
using Byre.Qcow2.Layout;

namespace Byre.Qcow2.Check;

/// <summary>
/// Counts what L1 tables refer to where they mostly lead to the same L2 tables: those of snapshots, which may even be
/// the same. The L2 tables of a group are read once each, and what they refer to is counted as often as they are led
/// to. The findings are those of one walk after the other, in that order. Where a count gets too high somewhere in a
/// group, which must be said at the reference that is one too many, the group is made smaller, in the end a single
/// walk. Belongs to one thread.
/// </summary>
internal sealed class GroupedWalk(CheckContext context, ReferenceCounter counter, MappingWalk walk, bool repairs)
{
    /// <summary>More different entries than this are not held in memory: tables are walked one by one.</summary>
    private const int MaxEntries = 1 << 20;

    private readonly HashSet<HostOffset> _eventful = [];

    /// <summary>Counts everything that the active L1 table refers to.</summary>
    /// <exception cref="BlockException">A table cannot be read; that has been reported.</exception>
    public async ValueTask WalkActiveAsync(TableExtent l1)
    {
        if (!await TryTogetherAsync(new Group([new Visit(l1, null)], IsActive: true)).ConfigureAwait(false))
            await walk.WalkAsync(l1, isActive: true).ConfigureAwait(false);
    }

    /// <summary>Counts everything that the snapshots refer to.</summary>
    /// <exception cref="BlockException">A table cannot be read; that has been reported.</exception>
    public async ValueTask WalkSnapshotsAsync(IReadOnlyList<SnapshotRecord> snapshots)
    {
        var visits = new Visit[snapshots.Count];
        for (int i = 0; i < visits.Length; i++)
            visits[i] = new Visit(TableOf(snapshots[i]), FindFault(snapshots[i]));
        int attempt = visits.Length;
        for (int first = 0; first < visits.Length;)
        {
            int count = Math.Min(Math.Min(attempt, context.MaxSnapshotGroup), visits.Length - first);
            var group = new Group(new ArraySegment<Visit>(visits, first, count), IsActive: false);
            long overflows = counter.Overflows;
            bool isDone = await TryTogetherAsync(group).ConfigureAwait(false);
            if (!isDone && count > 1)
            {
                attempt = Math.Max(1, count / 4);
                continue;
            }

            if (!isDone && MayWalk(visits[first]))
                await walk.WalkAsync(visits[first].Table, isActive: false).ConfigureAwait(false);
            attempt = counter.Overflows == overflows ? count * 2 : 1;
            first += count;
        }
    }

    /// <summary>Counts the references of a group; false, with nothing counted, where that cannot be done.</summary>
    private async ValueTask<bool> TryTogetherAsync(Group group)
    {
        if (context.MaxSnapshotGroup == 1)
            return false;
        _eventful.Clear();
        List<TableExtent> tables = [.. group.Visits.Where(visit => visit.Fault is null).Select(visit => visit.Table)];
        RefcountCensus? before = null;
        List<(HostOffset Place, L1Entry Entry)>? notable = null;
        L2Tally? tally = null;
        try
        {
            if (await FindUsesAsync(tables).ConfigureAwait(false) is not { } uses || !IsWorthwhile(group, uses))
                return false;
            before = counter.Census.Copy();
            if (CountL1(tables))
                tally = await CountL2Async(group, uses).ConfigureAwait(false);
            if (tally is not null)
                notable = await FindNotableAsync(tables, uses).ConfigureAwait(false);
        }
        catch (BlockException)
        {
            // The walk that meets it says so, in its turn.
        }

        if (notable is null)
        {
            if (before is not null)
                counter.Census.Restore(before);
            return false;
        }

        if (group.IsActive)
            walk.NoteShared(tally!.Value);
        await RetellAsync(group, notable).ConfigureAwait(false);
        return true;
    }

    /// <summary>
    /// One table alone gains nothing by this, unless many of its entries are the same: then it was made to hurt.
    /// </summary>
    private static bool IsWorthwhile(Group group, Dictionary<L1Entry, long> uses) =>
        group.Visits.Count > 1 || uses.Values.Sum() > 2L * uses.Count;

    /// <summary>How often each entry is met; null where there are too many.</summary>
    private async ValueTask<Dictionary<L1Entry, long>?> FindUsesAsync(List<TableExtent> tables)
    {
        var uses = new Dictionary<L1Entry, long>();
        bool isWhole = await L1Sweep.RunAsync(context, tables, (place, entry, count) =>
        {
            CollectionsMarshal.GetValueRefOrAddDefault(uses, entry, out bool known) += count;
            return known || uses.Count <= MaxEntries;
        }).ConfigureAwait(false);
        return isWhole ? uses : null;
    }

    /// <summary>The entries that there is something to say of; null where they are too many.</summary>
    private async ValueTask<List<(HostOffset Place, L1Entry Entry)>?> FindNotableAsync(
        List<TableExtent> tables, Dictionary<L1Entry, long> uses)
    {
        var notable = new List<(HostOffset Place, L1Entry Entry)>();
        if (!uses.Keys.Any(IsNotable))
            return notable;
        bool isWhole = await L1Sweep.RunAsync(context, tables, (place, entry, _) =>
        {
            if (IsNotable(entry))
                notable.Add((place, entry));
            return notable.Count <= MaxEntries;
        }).ConfigureAwait(false);
        return isWhole ? notable : null;
    }

    /// <summary>Counts the L1 tables' own clusters; false where a count got too high.</summary>
    private bool CountL1(List<TableExtent> tables)
    {
        var edges = new List<(long Cluster, int Change)>();
        foreach (TableExtent table in tables)
        {
            if (table.LengthBytes == 0 || counter.Rejects(table))
                continue;
            ClusterRun run = counter.ClustersOf(table);
            edges.Add((run.First.Index, 1));
            edges.Add((run.First.Index + run.Count, -1));
        }

        edges.Sort();
        bool fits = true;
        long depth = 0;
        for (int i = 0; i + 1 < edges.Count; i++)
        {
            depth += edges[i].Change;
            if (depth > 0)
            {
                counter.Census.GrowTo(edges[i + 1].Cluster);
                long count = edges[i + 1].Cluster - edges[i].Cluster;
                fits &= counter.Census.Add(new HostCluster(edges[i].Cluster), count, (ulong)depth);
            }
        }

        return fits;
    }

    /// <summary>
    /// Counts the L2 tables and what they refer to; null where a count got too high, or a table cannot be read.
    /// </summary>
    private async ValueTask<L2Tally?> CountL2Async(Group group, Dictionary<L1Entry, long> uses)
    {
        bool works = true;
        (HostOffset Table, long Uses)[] sorted =
            [.. uses.Select(use => (use.Key.TableOffset, use.Value)).OrderBy(use => use.TableOffset)];
        foreach ((HostOffset table, long count) in sorted)
        {
            var place = new TableExtent(table, context.ClusterSize);
            if (!counter.Rejects(place))
                works &= counter.Add(place, count);
        }

        if (!works)
            return null;
        // A log tallies all of its tables together: of the active ones each has its own.
        IEnumerable<L1Batch> batches = sorted
            .Select(use => L1Entry.ForTable(use.Table, copied: false))
            .Distinct()
            .Chunk(group.IsActive ? 1 : L2BatchScan.BatchTables(context.Geometry))
            .Select(entries => L1Batch.Of([.. entries]));
        var tally = default(L2Tally);
        int next = 0;
        await OrderedPipeline.RunAsync(
            batches,
            context.Parallelism,
            batch => L2BatchScan.RunAsync(context, batch, repairs),
            scan =>
            {
                long count = 0;
                foreach (HostOffset table in scan.Batch.TableOffsets)
                {
                    // Entries with other flags lead to the same table.
                    for (count = 0; next < sorted.Length && sorted[next].Table == table; next++)
                        count += sorted[next].Uses;
                    works &= CountTable(scan.Log, table, count);
                }

                tally += scan.Log.Tally * count;
                return default;
            }).ConfigureAwait(false);
        return works ? tally : null;
    }

    private bool CountTable(L2ScanLog log, HostOffset table, long uses)
    {
        bool works = true;
        while (log.TryRead(out HostCluster first, out int count, out L2ScanEvent? found))
        {
            if (found is null)
                works &= counter.Census.Add(first, count, (ulong)uses);
            else if (found is { Kind: L2ScanEventKind.Reference } reference && !counter.Rejects(reference.Region))
                works &= counter.Add(reference.Region, uses);
            else
                _eventful.Add(table);
            works &= found is not { Kind: L2ScanEventKind.Unreadable };
        }

        return works;
    }

    /// <summary>True where each walk that comes to an entry says something.</summary>
    private bool IsNotable(L1Entry entry) =>
        (entry.Raw & L1Entry.ReservedMask) != 0
            || !context.Geometry.IsClusterAligned(entry.TableOffset.Value)
            || counter.Rejects(new TableExtent(entry.TableOffset, context.ClusterSize))
            || _eventful.Contains(entry.TableOffset);

    /// <summary>Says what the walks would have said, one after the other.</summary>
    private async ValueTask RetellAsync(Group group, List<(HostOffset Place, L1Entry Entry)> notable)
    {
        foreach (Visit visit in group.Visits)
        {
            if (!MayWalk(visit) || visit.Table.LengthBytes == 0)
                continue;
            counter.RejectsAndReports(visit.Table);
            long end = visit.Table.Offset.Value + visit.Table.LengthBytes;
            for (int i = FirstFrom(notable, visit.Table.Offset); i < notable.Count && notable[i].Place.Value < end; i++)
                await walk.RetellAsync(notable[i].Entry, group.IsActive).ConfigureAwait(false);
        }
    }

    private static int FirstFrom(List<(HostOffset Place, L1Entry Entry)> notable, HostOffset place)
    {
        int low = 0;
        int high = notable.Count;
        while (low < high)
        {
            int middle = (low + high) / 2;
            if (notable[middle].Place.Value < place.Value)
                low = middle + 1;
            else
                high = middle;
        }

        return low;
    }

    /// <summary>False where there is no table to walk, which is reported.</summary>
    private bool MayWalk(Visit visit)
    {
        if (visit.Fault is { } fault)
            context.Corrupt(fault.Id, fault.Text);
        return visit.Fault is null;
    }

    private CheckFinding? FindFault(SnapshotRecord snapshot)
    {
        if (!context.Geometry.IsClusterAligned((long)snapshot.L1Offset))
        {
            return new CheckFinding(
                CheckFindingId.SnapshotL1Unaligned,
                $"{NameOf(snapshot)} l1_offset=0x{snapshot.L1Offset:x}: L1 table is not cluster aligned; "
                + "snapshot table entry corrupted");
        }

        if (snapshot.L1EntryCount > FormatLimits.MaxL1Bytes / Geometry.TableEntryBytes)
        {
            return new CheckFinding(
                CheckFindingId.SnapshotL1TooLarge,
                $"{NameOf(snapshot)} l1_size=0x{snapshot.L1EntryCount:x}: L1 table is too large; "
                + "snapshot table entry corrupted");
        }

        return null;
    }

    // Made for a fault only: a header may claim very many snapshots.
    private static string NameOf(SnapshotRecord snapshot) => $"ERROR snapshot {snapshot.Id} ({snapshot.Name})";

    private static TableExtent TableOf(SnapshotRecord snapshot) => new(
        new HostOffset((long)snapshot.L1Offset), (long)snapshot.L1EntryCount * Geometry.TableEntryBytes);

    /// <summary>An L1 table in its turn, or why it is none.</summary>
    private readonly record struct Visit(TableExtent Table, CheckFinding? Fault);

    /// <summary>Tables that are walked together.</summary>
    private readonly record struct Group(IReadOnlyList<Visit> Visits, bool IsActive);
}
