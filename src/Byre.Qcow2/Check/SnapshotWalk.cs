using System.Runtime.InteropServices;
using Byre.Block.Errors;
using Byre.Qcow2.Layout;

namespace Byre.Qcow2.Check;

/// <summary>
/// Counts what snapshots refer to. Their L1 tables mostly lead to the same L2 tables, and may be the same: the tables
/// of a group of snapshots are read once each, and what they refer to is counted as often as they are led to. The
/// findings are those of one walk after the other, in that order. Where a count gets too high somewhere in a group,
/// which must be said at the reference that is one too many, the group is made smaller, in the end a single walk.
/// Belongs to one thread.
/// </summary>
internal sealed class SnapshotWalk(CheckContext context, ReferenceCounter counter, MappingWalk walk, bool repairs)
{
    /// <summary>More different entries than this are not held in memory: snapshots are walked one by one.</summary>
    private const int MaxEntries = 1 << 20;

    private readonly HashSet<HostOffset> _eventful = [];

    /// <summary>Counts everything that the snapshots refer to.</summary>
    /// <exception cref="BlockException">A table cannot be read; that has been reported.</exception>
    public async ValueTask RunAsync(SnapshotRecord[] snapshots)
    {
        int attempt = snapshots.Length;
        for (int first = 0; first < snapshots.Length;)
        {
            int count = Math.Min(Math.Min(attempt, context.MaxSnapshotGroup), snapshots.Length - first);
            if (count > 1)
            {
                var group = new ArraySegment<SnapshotRecord>(snapshots, first, count);
                bool isDone = await TryTogetherAsync(group).ConfigureAwait(false);
                attempt = isDone ? count * 2 : Math.Max(1, count / 4);
                first += isDone ? count : 0;
                continue;
            }

            long overflows = counter.Overflows;
            if (ReportIfBroken(snapshots[first]) is { } table)
                await walk.WalkAsync(table, isActive: false).ConfigureAwait(false);
            attempt = counter.Overflows == overflows ? 2 : 1;
            first++;
        }
    }

    /// <summary>Counts the references of a group; false, with nothing counted, where that cannot be done.</summary>
    private async ValueTask<bool> TryTogetherAsync(IReadOnlyList<SnapshotRecord> group)
    {
        _eventful.Clear();
        RefcountCensus before = counter.Census.Copy();
        List<(HostOffset Place, L1Entry Entry)>? notable;
        try
        {
            notable = await CountTogetherAsync(TablesOf(group)).ConfigureAwait(false);
        }
        catch (BlockException)
        {
            // The walk that meets it says so, in its turn.
            notable = null;
        }

        if (notable is null)
        {
            counter.Census.Restore(before);
            return false;
        }

        await RetellAsync(group, notable).ConfigureAwait(false);
        return true;
    }

    /// <summary>Returns the entries that there is something to say of; null where it did not work.</summary>
    private async ValueTask<List<(HostOffset Place, L1Entry Entry)>?> CountTogetherAsync(List<TableExtent> tables)
    {
        bool fits = CountL1(tables);
        var uses = new Dictionary<L1Entry, long>();
        fits = fits && await L1Sweep.RunAsync(context, tables, (place, entry, count) =>
        {
            CollectionsMarshal.GetValueRefOrAddDefault(uses, entry, out bool known) += count;
            return known || uses.Count <= MaxEntries;
        }).ConfigureAwait(false);
        if (!fits || !await CountL2Async(uses).ConfigureAwait(false))
            return null;

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
    /// Counts the L2 tables and what they refer to; false where a count got too high, or a table cannot be read.
    /// </summary>
    private async ValueTask<bool> CountL2Async(Dictionary<L1Entry, long> uses)
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
            return false;
        IEnumerable<L1Batch> batches = sorted
            .Select(use => L1Entry.ForTable(use.Table, copied: false))
            .Distinct()
            .Chunk(L2BatchScan.BatchTables(context.Geometry))
            .Select(entries => L1Batch.Of([.. entries]));
        int next = 0;
        await OrderedPipeline.RunAsync(
            batches,
            context.Parallelism,
            batch => L2BatchScan.RunAsync(context, batch, repairs),
            scan =>
            {
                foreach (HostOffset table in scan.Batch.TableOffsets)
                {
                    // Entries with other flags lead to the same table.
                    long count = 0;
                    for (; next < sorted.Length && sorted[next].Table == table; next++)
                        count += sorted[next].Uses;
                    works &= CountTable(scan.Log, table, count);
                }

                return default;
            }).ConfigureAwait(false);
        return works;
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
    private async ValueTask RetellAsync(
        IReadOnlyList<SnapshotRecord> group, List<(HostOffset Place, L1Entry Entry)> notable)
    {
        foreach (SnapshotRecord snapshot in group)
        {
            if (ReportIfBroken(snapshot) is not { LengthBytes: > 0 } table)
                continue;
            counter.RejectsAndReports(table);
            long end = table.Offset.Value + table.LengthBytes;
            for (int i = FirstFrom(notable, table.Offset); i < notable.Count && notable[i].Place.Value < end; i++)
                await walk.RetellAsync(notable[i].Entry).ConfigureAwait(false);
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

    private List<TableExtent> TablesOf(IEnumerable<SnapshotRecord> group)
    {
        var tables = new List<TableExtent>();
        foreach (SnapshotRecord snapshot in group)
        {
            if (FindFault(snapshot) is null)
                tables.Add(TableOf(snapshot));
        }

        return tables;
    }

    /// <summary>The snapshot's L1 table; null where it can be none, which has been reported.</summary>
    private TableExtent? ReportIfBroken(SnapshotRecord snapshot)
    {
        if (FindFault(snapshot) is not { } fault)
            return TableOf(snapshot);
        context.Corrupt(fault.Id, fault.Text);
        return null;
    }

    private CheckFinding? FindFault(SnapshotRecord snapshot)
    {
        string name = $"ERROR snapshot {snapshot.Id} ({snapshot.Name})";
        if (!context.Geometry.IsClusterAligned((long)snapshot.L1Offset))
        {
            return new CheckFinding(
                CheckFindingId.SnapshotL1Unaligned,
                $"{name} l1_offset=0x{snapshot.L1Offset:x}: L1 table is not cluster aligned; "
                + "snapshot table entry corrupted");
        }

        if (snapshot.L1EntryCount > FormatLimits.MaxL1Bytes / Geometry.TableEntryBytes)
        {
            return new CheckFinding(
                CheckFindingId.SnapshotL1TooLarge,
                $"{name} l1_size=0x{snapshot.L1EntryCount:x}: L1 table is too large; "
                + "snapshot table entry corrupted");
        }

        return null;
    }

    private static TableExtent TableOf(SnapshotRecord snapshot) => new(
        new HostOffset((long)snapshot.L1Offset), (long)snapshot.L1EntryCount * Geometry.TableEntryBytes);
}
