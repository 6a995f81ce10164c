using System.Buffers.Binary;
using Byre.Block.Buffers;
using Byre.Block.Errors;
using Byre.Block.Requests;
using Byre.Block.Threading;
using Byre.Qcow2.Layout;

namespace Byre.Qcow2.Metadata;

/// <content>
/// New refcount blocks and larger refcount tables, placed where the peer places them: a block at the first free cluster
/// behind the allocation that lacked it, a larger table with its blocks behind everything the blocks so far can count.
/// </content>
internal sealed partial class StructureWriter
{
    /// <summary>Creates the block that counts <paramref name="counted"/>, unless somebody just did.</summary>
    public async ValueTask CreateRefcountBlockAsync(HostCluster counted, CancellationToken cancellation)
    {
        using AsyncMutex.Holder holder = await Mutex.EnterAsync().ConfigureAwait(false);
        await CreateRefcountBlockCoreAsync(counted, cancellation).ConfigureAwait(false);
        using MetadataScope scope = tables.Lock.Enter();
        tables.Allocator.ResumeAfterBlock(scope);
    }

    private async ValueTask CreateRefcountBlockCoreAsync(HostCluster counted, CancellationToken cancellation)
    {
        long index = tables.Refcounts.BlockIndex(counted);
        // Blocks and tables count themselves: nothing else keeps their clusters from being given out while a pointer to
        // them may be on the device.
        if (Uncertain.Any)
        {
            await RewriteUncertainAsync(cancellation).ConfigureAwait(false);
            await Flush.SyncAsync(FlushReason.Structure, cancellation).ConfigureAwait(false);
        }

        await tables.File.ReachAsync(BlockEvent.RefblockAlloc, cancellation).ConfigureAwait(false);
        HostCluster cluster;
        bool countsItself;
        using (var pins = new PinSet(tables))
        {
            while (true)
            {
                MetadataMiss miss;
                using (MetadataScope scope = tables.Lock.Enter())
                {
                    if (tables.Refcounts.BlockAt(index).Value != 0)
                        return;
                    if (TryPlaceBlock(scope, index, out cluster, out countsItself, out miss))
                        break;
                }

                if (miss.Kind == MissKind.RefcountBlock)
                {
                    // The new block would lie where no block counts yet: that one comes first, then the caller tries
                    // again.
                    await CreateRefcountBlockCoreAsync(new HostCluster(miss.Where), cancellation).ConfigureAwait(false);
                    return;
                }

                await Loader.ProvideAsync(miss, pins, cancellation).ConfigureAwait(false);
            }
        }

        bool installed = false;
        try
        {
            await WriteBlockAsync(cluster, countsItself, cancellation).ConfigureAwait(false);
            if (index < tables.Refcounts.EntryCount)
                await HookUpBlockAsync(index, cluster, cancellation).ConfigureAwait(false);
            else
                await GrowRefcountTableAsync(counted, index, cluster, cancellation).ConfigureAwait(false);
            installed = true;
        }
        finally
        {
            if (!installed && !countsItself)
                FreeUnused(cluster, 1);
        }
    }

    private bool TryPlaceBlock(
        in MetadataScope scope, long index, out HostCluster cluster, out bool countsItself, out MetadataMiss miss)
    {
        countsItself = false;
        if (!tables.Allocator.TryFindRun(scope, 1, FormatLimits.MaxHostOffset, out cluster, out miss))
            return false;
        if (cluster.Index == 0)
            throw new CorruptionException("Preventing invalid allocation of refcount block at offset 0", isFatal: true);
        countsItself = tables.Refcounts.BlockIndex(cluster) == index;
        if (!countsItself)
        {
            if (!tables.Refcounts.TryPrepare(scope, cluster, 1, out miss))
            {
                tables.Allocator.NoteFree(scope, cluster);
                return false;
            }

            tables.Refcounts.Add(scope, cluster, 1);
        }

        HostOffset block = _geometry.OffsetOf(cluster);
        tables.L2Cache.Drop(scope, block, _geometry.ClusterSize);
        tables.RefcountCache.Drop(scope, block, _geometry.ClusterSize);
        tables.Pristine.NoteUse(cluster, 1);
        return true;
    }

    private async ValueTask WriteBlockAsync(HostCluster cluster, bool countsItself, CancellationToken cancellation)
    {
        IoBuffer content = IoBufferPool.Shared.RentZeroed(_geometry.ClusterSize);
        try
        {
            if (countsItself)
            {
                int own = (int)(cluster.Index & (_geometry.RefcountsPerBlock - 1));
                RefcountCodec.Set(content.Span, own, _geometry.RefcountOrder, 1);
            }

            await tables.File.ReachAsync(BlockEvent.RefblockAllocWrite, cancellation).ConfigureAwait(false);
            await WriteCheckedAsync(_geometry.OffsetOf(cluster), content.Memory, OverlapChecks.None, cancellation)
                .ConfigureAwait(false);
        }
        finally
        {
            content.Return();
        }

        if (!countsItself)
            await Flush.WriteBackRefcountsAsync(cancellation).ConfigureAwait(false);
        if (tables.Options.Obeys(OrderingRules.BlockBeforeTableEntry))
            await Flush.SyncAsync(FlushReason.Structure, cancellation).ConfigureAwait(false);
    }

    private async ValueTask HookUpBlockAsync(long index, HostCluster cluster, CancellationToken cancellation)
    {
        HostOffset block = _geometry.OffsetOf(cluster);
        await tables.File.ReachAsync(BlockEvent.RefblockAllocHookup, cancellation).ConfigureAwait(false);
        await WriteRefcountEntryAsync(index, block, cancellation).ConfigureAwait(false);
        using MetadataScope scope = tables.Lock.Enter();
        tables.Refcounts.InstallBlock(scope, index, block);
        tables.Overlap.Add(scope, block, OverlapChecks.RefcountBlock);
    }

    private async ValueTask WriteRefcountEntryAsync(long index, HostOffset block, CancellationToken cancellation)
    {
        byte[] entry = new byte[Geometry.TableEntryBytes];
        BinaryPrimitives.WriteInt64BigEndian(entry, block.Value);
        HostOffset where = tables.Refcounts.Location.Offset + (index * Geometry.TableEntryBytes);
        bool written = false;
        try
        {
            await WriteCheckedAsync(where, entry, OverlapChecks.RefcountTable, cancellation).ConfigureAwait(false);
            written = true;
        }
        finally
        {
            Uncertain.NoteRefcountEntry(index, written);
        }
    }

    /// <summary>
    /// Writes a larger refcount table behind everything, together with the blocks that count it and themselves:
    /// <code>| everything so far ... | new blocks | new table |</code>
    /// and has the header point to it.
    /// </summary>
    private async ValueTask GrowRefcountTableAsync(
        HostCluster counted, long newIndex, HostCluster newBlock, CancellationToken cancellation)
    {
        await tables.File.ReachAsync(BlockEvent.ReftableGrow, cancellation).ConfigureAwait(false);
        long perBlock = _geometry.RefcountsPerBlock;
        long blocksUsed = (Math.Max(counted.Index + 1, newBlock.Index) + perBlock - 1) / perBlock;
        RefcountArea area = RefcountArea.Plan(_geometry, blocksUsed * perBlock);
        ulong[] table = new ulong[area.TableEntries];
        ulong[] old = tables.Refcounts.CopyEntries();
        old.AsSpan(0, Math.Min(old.Length, table.Length)).CopyTo(table);
        table[newIndex] = (ulong)_geometry.OffsetOf(newBlock).Value;

        // Before anything is written there, also where the growth then fails.
        using (tables.Lock.Enter())
            tables.Pristine.NoteUse(area.Start, area.TableStart.Index + area.TableClusters - area.Start.Index);
        await tables.File.ReachAsync(BlockEvent.RefblockAllocWriteBlocks, cancellation).ConfigureAwait(false);
        await WriteAreaBlocksAsync(area, table, cancellation).ConfigureAwait(false);
        await tables.File.ReachAsync(BlockEvent.RefblockAllocWriteTable, cancellation).ConfigureAwait(false);
        byte[] bytes = TableCodec.Encode(table);
        HostOffset tableOffset = _geometry.OffsetOf(area.TableStart);
        await WriteCheckedAsync(tableOffset, bytes, OverlapChecks.None, cancellation).ConfigureAwait(false);

        var location = new RefcountTableLocation(tableOffset, area.TableClusters);
        await UpdateHeaderAsync(
            header => header with { RefcountTable = location }, BlockEvent.RefblockAllocSwitchTable, cancellation)
            .ConfigureAwait(false);

        using MetadataScope scope = tables.Lock.Enter();
        RefcountTableLocation gone = tables.Refcounts.Location;
        tables.Refcounts.Replace(scope, location, table);
        tables.Overlap.Forget(scope);
        tables.Quarantine.Free(
            scope, gone.Offset, (long)gone.ClusterCount << _geometry.ClusterBits, DiscardReason.Other);
    }

    private async ValueTask WriteAreaBlocksAsync(RefcountArea area, ulong[] table, CancellationToken cancellation)
    {
        long perBlock = _geometry.RefcountsPerBlock;
        long end = area.TableStart.Index + area.TableClusters;
        IoBuffer content = IoBufferPool.Shared.Rent(_geometry.ClusterSize);
        try
        {
            HostCluster block = area.Start;
            for (long index = area.Start.Index / perBlock; index < area.BlockCount; index++)
            {
                content.Span.Clear();
                long first = index * perBlock;
                for (long cluster = Math.Max(first, area.Start.Index); cluster < Math.Min(
                    first + perBlock, end); cluster++)
                    RefcountCodec.Set(content.Span, (int)(cluster - first), _geometry.RefcountOrder, 1);
                Invariant.That(table[index] == 0);
                table[index] = (ulong)_geometry.OffsetOf(block).Value;
                await WriteCheckedAsync(_geometry.OffsetOf(block), content.Memory, OverlapChecks.None, cancellation)
                    .ConfigureAwait(false);
                block += 1;
            }

            Invariant.That(block == area.TableStart);
        }
        finally
        {
            content.Return();
        }
    }
}
