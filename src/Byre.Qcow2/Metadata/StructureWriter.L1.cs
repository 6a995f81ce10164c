using Byre.Block.Errors;
using Byre.Block.Requests;
using Byre.Block.Threading;
using Byre.Qcow2.Layout;

namespace Byre.Qcow2.Metadata;

/// <content>A larger L1 table: written elsewhere whole, then the header points to it, then the old one is
/// freed.</content>
internal sealed partial class StructureWriter
{
    /// <summary>
    /// Makes the L1 table at least <paramref name="entries"/> long; unless <paramref name="exact"/>, half as much
    /// again for later.
    /// </summary>
    /// <exception cref="BlockException">EFBIG: beyond the format's limit.</exception>
    public async ValueTask GrowL1Async(long entries, bool exact, CancellationToken cancellation)
    {
        if (entries <= tables.L1.EntryCount)
            return;
        long wanted = entries;
        if (!exact)
        {
            wanted = Math.Max(tables.L1.EntryCount, 1);
            while (wanted < entries)
                wanted = (wanted * 3 + 1) / 2;
        }

        if (wanted * Geometry.TableEntryBytes > FormatLimits.MaxL1Bytes)
            throw BlockException.FromErrno(Errno.FileTooLarge);
        long clusters = _geometry.ClustersFor(wanted * Geometry.TableEntryBytes);
        await tables.File.ReachAsync(BlockEvent.L1GrowAllocTable, cancellation).ConfigureAwait(false);
        HostCluster first = await AllocateAsync(clusters, cancellation).ConfigureAwait(false);
        bool installed = false;
        try
        {
            await ReachCountingAsync(cancellation).ConfigureAwait(false);
            using AsyncMutex.Holder holder = await Mutex.EnterAsync().ConfigureAwait(false);
            await SwitchL1Async(first, (int)wanted, cancellation).ConfigureAwait(false);
            installed = true;
        }
        finally
        {
            if (!installed)
                FreeUnused(first, clusters);
        }
    }

    /// <summary>Allocates adjacent clusters for a table; nothing points to them yet.</summary>
    public async ValueTask<HostCluster> AllocateAsync(long clusters, CancellationToken cancellation)
    {
        await tables.File.ReachAsync(BlockEvent.ClusterAlloc, cancellation).ConfigureAwait(false);
        using var pins = new PinSet(tables, tables.Refcounts.SlicesFor(clusters));
        while (true)
        {
            MetadataMiss miss;
            using (MetadataScope scope = tables.Lock.Enter())
            {
                if (tables.Allocator.TryAllocate(
                    scope, clusters, FormatLimits.MaxHostOffset, out AllocatedRun run, out miss))
                {
                    tables.L2Cache.Drop(scope, _geometry.OffsetOf(run.First), clusters << _geometry.ClusterBits);
                    tables.RefcountCache.Drop(scope, _geometry.OffsetOf(run.First), clusters << _geometry.ClusterBits);
                    return run.First;
                }
            }

            await Loader.ProvideAsync(miss, pins, cancellation).ConfigureAwait(false);
        }
    }

    private async ValueTask SwitchL1Async(HostCluster first, int entryCount, CancellationToken cancellation)
    {
        // The copy is taken from clean tables: a change that is only in memory must not reach the file before its turn.
        await Flush.FlushAllAsync(FlushReason.Structure, cancellation).ConfigureAwait(false);
        ulong[] entries = new ulong[entryCount];
        ulong[] old = tables.L1.Copy();
        old.CopyTo(entries, 0);
        byte[] bytes = TableCodec.Encode(entries);
        HostOffset offset = _geometry.OffsetOf(first);
        await tables.File.ReachAsync(BlockEvent.L1GrowWriteTable, cancellation).ConfigureAwait(false);
        await WriteCheckedAsync(offset, bytes, OverlapChecks.None, cancellation).ConfigureAwait(false);
        await UpdateHeaderAsync(
            header => header with { L1 = new L1Location(offset, entryCount) },
            BlockEvent.L1GrowActivateTable,
            cancellation).ConfigureAwait(false);

        using MetadataScope scope = tables.Lock.Enter();
        HostOffset gone = tables.L1.Offset;
        tables.L1.Replace(scope, offset, entries);
        tables.Overlap.Forget(scope);
        if (old.Length > 0)
            tables.Quarantine.Free(scope, gone, (long)old.Length * Geometry.TableEntryBytes, DiscardReason.Other);
    }
}
