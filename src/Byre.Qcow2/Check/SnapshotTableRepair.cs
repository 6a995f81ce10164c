using Byre.Block.Requests;
using Byre.Qcow2.Layout;

namespace Byre.Qcow2.Check;

/// <summary>
/// Writes the snapshot table anew, to another place: new clusters counted and table written, a barrier, the header, a
/// barrier, then the old clusters are freed. Belongs to one thread.
/// </summary>
internal sealed class SnapshotTableRepair(CheckContext context, RefcountCensus counts, RepairGuard guard)
{
    /// <summary>
    /// Writes the records of the context. False where no counted place is free: the refcount structure has to grow.
    /// </summary>
    /// <exception cref="Block.Errors.BlockException">The table is too long or cannot be written; the old one is still
    /// in force.</exception>
    public async ValueTask<bool> RunAsync(RefcountStructure structure)
    {
        byte[] table = SnapshotCodec.WriteTable(context.Snapshots);
        int clusters = (int)context.Geometry.ClustersFor(table.Length);
        HostCluster? first = await FindFreeAsync(structure, clusters).ConfigureAwait(false);
        if (first is null)
            return false;

        HostOffset place = context.Geometry.OffsetOf(first.Value);
        await structure.AdjustAsync(new ClusterRun(first.Value, clusters), 1).ConfigureAwait(false);
        counts.GrowTo(first.Value.Index + clusters);
        for (int i = 0; i < clusters; i++)
            counts[first.Value.Index + i] = 1;
        await guard.CheckAsync(new TableExtent(place, table.Length), OverlapKinds.None).ConfigureAwait(false);
        await context.WriteAsync(place, table).ConfigureAwait(false);
        var location = new SnapshotTableLocation(place, context.Snapshots.Count);
        await HeaderPatch.SetSnapshotTableAsync(context, location).ConfigureAwait(false);

        TableExtent old = context.SnapshotTable;
        context.SnapshotTable = new TableExtent(place, table.Length);
        if (old.LengthBytes > 0)
            await FreeAsync(structure, old).ConfigureAwait(false);
        return true;
    }

    /// <summary>
    /// Frees the old table's clusters: all of them or, where one of them is counted as free already, none.
    /// </summary>
    private async ValueTask FreeAsync(RefcountStructure structure, TableExtent old)
    {
        Geometry geometry = context.Geometry;
        var clusters = new ClusterRun(geometry.ClusterOf(old.Offset), (int)geometry.ClustersFor(old.LengthBytes));
        for (int i = 0; i < clusters.Count; i++)
        {
            if (await structure.GetAsync(clusters.First + i).ConfigureAwait(false) is null or 0)
            {
                context.Say(CheckFindingId.RefcountTooLow, "qcow2_free_clusters failed: Invalid argument");
                return;
            }
        }

        await structure.AdjustAsync(clusters, -1).ConfigureAwait(false);
        await context.BarrierAsync().ConfigureAwait(false);
        for (int i = 0; i < clusters.Count; i++)
        {
            HostCluster cluster = clusters.First + i;
            if (cluster.Index < counts.ClusterCount)
                counts[cluster.Index]--;
            var freed = new ByteRange(geometry.OffsetOf(cluster).Value, geometry.ClusterSize);
            if (await structure.GetAsync(cluster).ConfigureAwait(false) == 0)
                await context.DiscardAsync(freed).ConfigureAwait(false);
        }
    }

    /// <summary>The first run of clusters that are counted as free; it may lie beyond the end of the file.</summary>
    private async ValueTask<HostCluster?> FindFreeAsync(RefcountStructure structure, int clusters)
    {
        long start = counts.NextFree(0);
        while (start < counts.ClusterCount)
        {
            long end = counts.NextUsed(start);
            if (end - start >= clusters || end == counts.ClusterCount)
                break;
            start = counts.NextFree(end);
        }

        for (long cluster = start; cluster < start + clusters; cluster++)
        {
            if (!structure.HasBlockFor(new HostCluster(cluster)))
                return null;
            if (await structure.GetAsync(new HostCluster(cluster)).ConfigureAwait(false) != 0)
                start = cluster + 1;
        }

        return new HostCluster(start);
    }
}
