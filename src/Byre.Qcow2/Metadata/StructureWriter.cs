using Byre.Block.Buffers;
using Byre.Block.Errors;
using Byre.Block.Requests;
using Byre.Block.Threading;
using Byre.Qcow2.Layout;

namespace Byre.Qcow2.Metadata;

/// <summary>
/// The rare structural changes: header updates, new refcount blocks and L2 tables, larger L1 and refcount tables.
/// They are serialised by one mutex above the metadata lock and write through: each step of the ordering law that a
/// pointer needs is on the device before the pointer is.
/// </summary>
internal sealed partial class StructureWriter(ImageTables tables)
{
    private readonly Geometry _geometry = tables.Geometry;
    private readonly AsyncMutex _headerMutex = new(tables.Options.Scheduler);

    /// <summary>The structure mutex; held by snapshot and resize operations as well.</summary>
    public AsyncMutex Mutex { get; } = new(tables.Options.Scheduler);

    public FlushOrder Flush { get; set; } = null!;

    public MetadataLoader Loader { get; set; } = null!;

    /// <summary>Pointers on the device that may not be what memory says: a write of them failed.</summary>
    public UncertainPointers Uncertain { get; } = new();

    /// <summary>
    /// Writes a changed header, with a barrier before and after. The caller holds the mutex, or nobody else can be
    /// active.
    /// </summary>
    public ValueTask UpdateHeaderAsync(Func<ImageHeader, ImageHeader> change, CancellationToken cancellation) =>
        UpdateHeaderAsync(change, BlockEvent.None, cancellation);

    /// <summary>The same; <paramref name="moment"/> is reached between the first barrier and the write.</summary>
    public async ValueTask UpdateHeaderAsync(
        Func<ImageHeader, ImageHeader> change, BlockEvent moment, CancellationToken cancellation)
    {
        if (tables.Options.Obeys(OrderingRules.StructureBeforeHeader))
            await Flush.SyncAsync(FlushReason.Structure, cancellation).ConfigureAwait(false);
        if (moment != BlockEvent.None)
            await tables.File.ReachAsync(moment, cancellation).ConfigureAwait(false);
        await WriteHeaderAsync(change, cancellation).ConfigureAwait(false);
        if (tables.Options.Obeys(OrderingRules.HeaderBeforeReturn))
            await Flush.SyncAsync(FlushReason.Structure, cancellation).ConfigureAwait(false);
    }

    /// <summary>Writes a changed header without barriers: for bits that only say "be careful".</summary>
    public async ValueTask WriteHeaderAsync(Func<ImageHeader, ImageHeader> change, CancellationToken cancellation)
    {
        using AsyncMutex.Holder holder = await _headerMutex.EnterAsync().ConfigureAwait(false);
        await WriteHeaderCoreAsync(change, cancellation).ConfigureAwait(false);
    }

    /// <summary>
    /// Writes what failed writes have left in doubt, as it is in memory; the caller's next device flush makes it
    /// stable.
    /// </summary>
    public async ValueTask RewriteUncertainAsync(CancellationToken cancellation)
    {
        if (!Uncertain.Any)
            return;
        using AsyncMutex.Holder holder = await _headerMutex.EnterAsync().ConfigureAwait(false);
        (bool header, long[] entries) = Uncertain.List();
        if (header)
            await WriteHeaderCoreAsync(static header => header, cancellation).ConfigureAwait(false);
        foreach (long index in entries)
        {
            await WriteRefcountEntryAsync(index, tables.Refcounts.BlockAt(index), cancellation).ConfigureAwait(false);
        }
    }

    private async ValueTask WriteHeaderCoreAsync(
        Func<ImageHeader, ImageHeader> change, CancellationToken cancellation)
    {
        ImageHeader old = tables.Header;
        ImageHeader header = change(old);
        byte[] bytes = HeaderCodec.Write(header);
        int length = bytes.Length;
        // A change of fixed fields is one sector, so that a crash shows the old header or the new one.
        int sector = Math.Min(length, 512);
        if (old.IsCanonical && HeaderCodec.Write(old).AsSpan(sector).SequenceEqual(bytes.AsSpan(sector)))
            length = sector;
        bool written = false;
        try
        {
            await tables.File.WriteAsync(0, bytes.AsMemory(0, length), default, cancellation).ConfigureAwait(false);
            written = true;
        }
        finally
        {
            Uncertain.NoteHeader(written);
        }

        using MetadataScope scope = tables.Lock.Enter();
        tables.Header = header with { IsCanonical = true };
    }

    /// <summary>Creates the L2 table of an L1 entry, or this image's own copy of one that a snapshot shares.</summary>
    public async ValueTask CreateL2TableAsync(long l1Index, CancellationToken cancellation)
    {
        HostCluster cluster;
        await tables.File.ReachAsync(BlockEvent.ClusterAlloc, cancellation).ConfigureAwait(false);
        // The clusters of a table must not be taken inside the mutex: a missing refcount block is made under it.
        using (var pins = new PinSet(tables))
        {
            while (true)
            {
                MetadataMiss miss;
                using (MetadataScope scope = tables.Lock.Enter())
                {
                    if (IsOwnTable(l1Index))
                        return;
                    if (tables.Allocator.TryAllocate(
                        scope, 1, FormatLimits.MaxHostOffset, out AllocatedRun run, out miss))
                    {
                        cluster = run.First;
                        if (cluster.Index != 0)
                            break;
                        throw new CorruptionException(
                            "Preventing invalid allocation of L2 table at offset 0", isFatal: true);
                    }
                }

                await Loader.ProvideAsync(miss, pins, cancellation).ConfigureAwait(false);
            }
        }

        bool linked = false;
        try
        {
            await ReachCountingAsync(cancellation).ConfigureAwait(false);
            using AsyncMutex.Holder holder = await Mutex.EnterAsync().ConfigureAwait(false);
            linked = await FillL2TableAsync(l1Index, cluster, cancellation).ConfigureAwait(false);
        }
        finally
        {
            if (!linked)
                FreeUnused(cluster, 1);
        }
    }

    /// <summary>The moments at which the peer changes counts.</summary>
    public async ValueTask ReachCountingAsync(CancellationToken cancellation)
    {
        if (!tables.File.WantsEvents)
            return;
        await tables.File.ReachAsync(BlockEvent.RefblockAlloc, cancellation).ConfigureAwait(false);
        await tables.File.ReachAsync(BlockEvent.RefblockLoad, cancellation).ConfigureAwait(false);
    }

    /// <summary>Gives clusters back that were allocated but never pointed to.</summary>
    public void FreeUnused(HostCluster first, long count)
    {
        using MetadataScope scope = tables.Lock.Enter();
        tables.Quarantine.Free(
            scope, _geometry.OffsetOf(first), count << _geometry.ClusterBits, DiscardReason.Never);
    }

    /// <summary>Writes one block of metadata after the overlap check.</summary>
    public async ValueTask WriteCheckedAsync(
        HostOffset offset, IoVector content, OverlapChecks own, CancellationToken cancellation)
    {
        using (MetadataScope scope = tables.Lock.Enter())
            tables.Overlap.Check(scope, offset, content.Length, own);
        await tables.File.WriteAsync(offset.Value, content, default, cancellation).ConfigureAwait(false);
    }

    private bool IsOwnTable(long l1Index) => tables.L1[l1Index] is { IsAllocated: true, IsCopied: true };

    private async ValueTask<bool> FillL2TableAsync(long l1Index, HostCluster cluster, CancellationToken cancellation)
    {
        HostOffset table = _geometry.OffsetOf(cluster);
        L1Entry old;
        using (MetadataScope scope = tables.Lock.Enter())
        {
            if (IsOwnTable(l1Index))
                return false;
            old = tables.L1[l1Index];
            tables.L2Cache.Drop(scope, table, _geometry.ClusterSize);
            tables.RefcountCache.Drop(scope, table, _geometry.ClusterSize);
        }

        if (tables.Options.LazyRefcounts)
            await Flush.WriteBackRefcountsAsync(cancellation).ConfigureAwait(false);
        IoBuffer content = IoBufferPool.Shared.RentZeroed(_geometry.ClusterSize);
        try
        {
            // A shared table has no changes in the cache: taking the snapshot flushed them.
            if (old.IsAllocated)
            {
                await tables.File.ReachAsync(BlockEvent.L2AllocCowRead, cancellation).ConfigureAwait(false);
                await tables.File.ReadAsync(old.TableOffset.Value, content.Memory, cancellation).ConfigureAwait(false);
            }

            await tables.File.ReachAsync(BlockEvent.L2AllocWrite, cancellation).ConfigureAwait(false);
            await WriteCheckedAsync(table, content.Memory, OverlapChecks.None, cancellation).ConfigureAwait(false);
            Link(l1Index, old, table, content.Span);
            return true;
        }
        finally
        {
            content.Return();
        }
    }

    private void Link(long l1Index, L1Entry old, HostOffset table, ReadOnlySpan<byte> content)
    {
        using (MetadataScope scope = tables.Lock.Enter())
        {
            // Whoever needed the table need not read what was just written.
            for (int offset = 0; offset < content.Length; offset += tables.L2Cache.SliceBytes)
                tables.L2Cache.TryAdd(scope, table + offset, content.Slice(offset, tables.L2Cache.SliceBytes));
            tables.L1.Set(scope, l1Index, L1Entry.ForTable(table, copied: true));
            tables.Overlap.Add(scope, table, OverlapChecks.ActiveL2);
            if (old.IsAllocated)
            {
                tables.Overlap.Remove(scope, old.TableOffset);
                tables.Quarantine.Free(scope, old.TableOffset, _geometry.ClusterSize, DiscardReason.Other);
            }
        }
    }
}
