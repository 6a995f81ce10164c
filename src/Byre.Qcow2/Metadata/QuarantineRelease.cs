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
        for (long done = 0; done < run.Count; done += ChunkClusters)
        {
            long count = Math.Min(ChunkClusters, run.Count - done);
            await ReleaseChunkAsync(run.First + done, count, run.Reason, cancellation).ConfigureAwait(false);
        }
    }

    private async ValueTask ReleaseChunkAsync(
        HostCluster first, long count, DiscardReason reason, CancellationToken cancellation)
    {
        using var pins = new PinSet(tables);
        await PrepareAsync(first, count, pins, cancellation).ConfigureAwait(false);
        if (tables.Options.PassesDiscard(reason))
        {
            foreach ((HostCluster start, long length) in FindLastReferences(first, count))
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

        using MetadataScope scope = tables.Lock.Enter();
        tables.Quarantine.NoteReleased(scope, count);
        for (long i = 0; i < count; i++)
        {
            HostCluster cluster = first + i;
            if (tables.Refcounts.Add(scope, cluster, -1) != 0)
                continue;
            tables.Allocator.StopPackingInto(scope, cluster);
            tables.Allocator.NoteFree(scope, cluster);
        }
    }

    /// <summary>Loads the counts and keeps them pinned.</summary>
    private async ValueTask PrepareAsync(HostCluster first, long count, PinSet pins, CancellationToken cancellation)
    {
        while (true)
        {
            MetadataMiss miss;
            using (MetadataScope scope = tables.Lock.Enter())
            {
                if (tables.Refcounts.TryPrepare(scope, first, count, out miss))
                    return;
            }

            if (miss.Kind != MissKind.RefcountSlice)
                throw BlockException.FromErrno("qcow2_free_clusters failed", Errno.Invalid);
            await loader.LoadInsideFlushAsync(miss, pins, cancellation).ConfigureAwait(false);
        }
    }

    /// <summary>The runs whose only reference goes now. Compressed data is packed into them no more.</summary>
    private List<(HostCluster First, long Count)> FindLastReferences(HostCluster first, long count)
    {
        var runs = new List<(HostCluster First, long Count)>();
        using MetadataScope scope = tables.Lock.Enter();
        for (long i = 0; i < count; i++)
        {
            HostCluster cluster = first + i;
            Invariant.That(tables.Refcounts.TryGet(scope, cluster, out ulong refcount, out _));
            if (refcount != 1)
                continue;
            tables.Allocator.StopPackingInto(scope, cluster);
            if (runs.Count > 0 && runs[^1].First.Index + runs[^1].Count == cluster.Index)
                runs[^1] = (runs[^1].First, runs[^1].Count + 1);
            else
                runs.Add((cluster, 1));
        }

        return runs;
    }
}
