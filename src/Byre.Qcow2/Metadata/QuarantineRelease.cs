using Byre.Block.Errors;
using Byre.Block.Requests;
using Byre.Qcow2.Layout;

namespace Byre.Qcow2.Metadata;

/// <summary>
/// The last step of the quarantine: punches holes where the option asks for it, then decrements the counts, after
/// which the clusters can be allocated again. Runs inside a flush only.
/// </summary>
internal sealed class QuarantineRelease(ImageTables tables, MetadataLoader loader)
{
    private const long ChunkClusters = 1024;

    /// <summary>Releases one run. A failure leaves what was not reached counted: a leak, never a loss.</summary>
    public async ValueTask RunAsync(FreedRun run, CancellationToken cancellation)
    {
        await tables.File.ReachAsync(BlockEvent.ClusterFree, cancellation).ConfigureAwait(false);
        for (long done = 0; done < run.Count; done += ChunkClusters)
        {
            long count = Math.Min(ChunkClusters, run.Count - done);
            await ReleaseChunkAsync(run.First + done, count, run.Reason, cancellation).ConfigureAwait(false);
        }
    }

    private async ValueTask ReleaseChunkAsync(
        HostCluster first, long count, DiscardReason reason, CancellationToken cancellation)
    {
        if (tables.Options.PassesDiscard(reason))
        {
            foreach ((HostCluster start, long length) in
                     await FindLastReferencesAsync(first, count, cancellation).ConfigureAwait(false))
            {
                var range = new ByteRange(
                    tables.Geometry.OffsetOf(start).Value, length << tables.Geometry.ClusterBits);
                try
                {
                    await tables.File.DiscardAsync(range, cancellation).ConfigureAwait(false);
                }
                catch (BlockException)
                {
                    // Giving space back is a favour: the clusters are free all the same.
                }
            }
        }

        await WithCountsAsync(first, count, Decrement, cancellation).ConfigureAwait(false);
    }

    /// <summary>Counts down. Returns null when that is done, else what has to end before.</summary>
    private Task? Decrement(in MetadataScope scope, HostCluster first, long count)
    {
        if (DropGathered(scope, first, count) is { } writing)
            return writing;
        tables.Quarantine.NoteReleased(scope, count);
        for (long i = 0; i < count; i++)
        {
            HostCluster cluster = first + i;
            if (tables.Refcounts.Add(scope, cluster, -1) != 0)
                continue;
            if (tables.Options.Obeys(OrderingRules.PackingEndsWithCluster))
                tables.Allocator.StopPackingInto(scope, cluster);
            tables.Allocator.NoteFree(scope, cluster);
        }

        return null;
    }

    /// <summary>
    /// Forgets what was gathered for clusters whose last reference goes: nobody will read it, and nothing may be
    /// written there late. A write that is under way is waited for; returns its end.
    /// </summary>
    private Task? DropGathered(in MetadataScope scope, HostCluster first, long count)
    {
        if (tables.CompressedCache is not { IsEmpty: false } cache ||
            !tables.Options.Obeys(OrderingRules.GatheringEndsWithCluster))
            return null;
        for (long i = 0; i < count; i++)
        {
            HostCluster cluster = first + i;
            Invariant.That(tables.Refcounts.TryGet(scope, cluster, out ulong refcount, out _));
            if (refcount != 1)
                continue;
            // First of all: what is dropped here must not be filled on while a later cluster is waited for.
            if (tables.Options.Obeys(OrderingRules.PackingEndsWithCluster))
                tables.Allocator.StopPackingInto(scope, cluster);
            if (cache.TryDrop(tables.Geometry.OffsetOf(cluster).Value) is { } writing)
                return writing;
        }

        return null;
    }

    /// <summary>The runs whose only reference goes now. Compressed data is packed into them no more.</summary>
    private async ValueTask<List<(HostCluster First, long Count)>> FindLastReferencesAsync(
        HostCluster first, long count, CancellationToken cancellation)
    {
        var runs = new List<(HostCluster First, long Count)>();
        await WithCountsAsync(first, count, Collect, cancellation).ConfigureAwait(false);
        return runs;

        Task? Collect(in MetadataScope scope, HostCluster start, long length)
        {
            if (DropGathered(scope, start, length) is { } writing)
                return writing;
            for (long i = 0; i < length; i++)
            {
                HostCluster cluster = start + i;
                Invariant.That(tables.Refcounts.TryGet(scope, cluster, out ulong refcount, out _));
                if (refcount != 1)
                    continue;
                tables.Allocator.StopPackingInto(scope, cluster);
                if (runs.Count > 0 && runs[^1].First.Index + runs[^1].Count == cluster.Index)
                    runs[^1] = (runs[^1].First, runs[^1].Count + 1);
                else
                    runs.Add((cluster, 1));
            }

            return null;
        }
    }

    /// <summary>Runs a transaction on the counts of a run, with all of them loaded.</summary>
    private async ValueTask WithCountsAsync(
        HostCluster first, long count, CountsTransaction transaction, CancellationToken cancellation)
    {
        using var pins = new PinSet(tables);
        while (true)
        {
            MetadataMiss miss;
            Task? obstacle = null;
            using (MetadataScope scope = tables.Lock.Enter())
            {
                if (tables.Refcounts.TryPrepare(scope, first, count, out miss))
                {
                    obstacle = transaction(scope, first, count);
                    if (obstacle is null)
                        return;
                }
            }

            if (obstacle is not null)
            {
                await obstacle.ConfigureAwait(false);
                continue;
            }

            if (miss.Kind != MissKind.RefcountSlice)
                throw BlockException.FromErrno("qcow2_free_clusters failed", Errno.Invalid);
            await loader.LoadInsideFlushAsync(miss, pins, cancellation).ConfigureAwait(false);
        }
    }

    private delegate Task? CountsTransaction(in MetadataScope scope, HostCluster first, long count);
}
