using Byre.Block.Buffers;
using Byre.Block.Errors;
using Byre.Block.Graph;
using Byre.Block.Requests;
using Byre.Qcow2.Io;
using Byre.Qcow2.Layout;
using Byre.Qcow2.Metadata;

namespace Byre.Qcow2.Amend;

/// <summary>
/// Changes the virtual size of an open image. Holds a lease on everything while it works. Growing writes the new tables
/// before the header tells of them; shrinking frees what is cut off before it forgets it: a crash leaves the old size
/// or the new one.
/// </summary>
internal sealed class ImageResizer(Qcow2Node node)
{
    private readonly ImageTables _tables = node.Tables;
    private readonly Geometry _geometry = node.Tables.Geometry;

    /// <summary>Resizes as <paramref name="request"/> says.</summary>
    /// <exception cref="BlockException">Not possible; the size is unchanged.</exception>
    public async ValueTask RunAsync(TruncateRequest request, CancellationToken cancellation)
    {
        long oldBytes = node.LengthBytes;
        long newBytes = request.LengthBytes;
        if (newBytes % FormatLimits.SectorBytes != 0)
            throw BlockException.Invalid($"The new size must be a multiple of {FormatLimits.SectorBytes}");
        if (_tables.Header.Version < 3 && _tables.Header.Snapshots.Count > 0)
            throw BlockException.NotSupported("Can't resize a v2 image which has snapshots");
        if (newBytes < oldBytes && request.Preallocation != PreallocationMode.Off)
            throw BlockException.Invalid("Preallocation can't be used for shrinking an image");

        var everything = new ByteRange(
            0, (Math.Max(oldBytes, newBytes) + _geometry.ClusterSize - 1) & -_geometry.ClusterSize);
        using RangeLease lease = await node.Tracker.AcquireAsync(everything, LeaseKind.Exclusive).ConfigureAwait(false);
        await node.SettleUnderLeaseAsync(everything, cancellation).ConfigureAwait(false);
        if (newBytes < oldBytes)
            await ShrinkAsync(oldBytes, newBytes, cancellation).ConfigureAwait(false);
        else if (newBytes > oldBytes || request.Preallocation != PreallocationMode.Off)
            await GrowAsync(oldBytes, request, cancellation).ConfigureAwait(false);

        await node.FlushOrder.FlushAllAsync(FlushReason.Structure, cancellation).ConfigureAwait(false);
        await node.Structure.UpdateHeaderAsync(
            header => header with { VirtualSizeBytes = newBytes }, cancellation).ConfigureAwait(false);
        node.NoteVirtualSize(newBytes);
    }

    private async ValueTask GrowAsync(long oldBytes, TruncateRequest request, CancellationToken cancellation)
    {
        bool backingShows = node.Backing is { } backing && backing.LengthBytes > oldBytes;
        bool zeroes = request.ZeroFill || backingShows;
        if (_tables.Header.Version < 3 && zeroes)
        {
            // Version 2 has no zero clusters to hide a backing file with; without one, new clusters read as zeroes.
            long firstWhole = _geometry.StartOfCluster(oldBytes + _geometry.ClusterSize - 1);
            if (node.Backing is not null && firstWhole < request.LengthBytes)
                throw BlockException.FromErrno("Failed to zero out new clusters", Errno.NotSupported);
            zeroes = node.Backing is not null;
        }

        await OperationStep.RunAsync(
            "Failed to grow the L1 table",
            () => node.Structure.GrowL1Async(_geometry.L1EntriesFor(request.LengthBytes), exact: true, cancellation))
            .ConfigureAwait(false);
        _tables.FitCacheTo(request.LengthBytes);
        PreallocationMode mode = request.Preallocation;
        if (_tables.Header.IsDataFileRaw && mode == PreallocationMode.Off)
            mode = PreallocationMode.Metadata;
        if (node.DataFile is { } data)
        {
            // The data file is as long as the disk; with metadata preallocation it stays sparse.
            var forward = new TruncateRequest(request.LengthBytes, request.Exact)
            {
                Preallocation = mode == PreallocationMode.Metadata ? PreallocationMode.Off : mode,
            };
            await data.TruncateAsync(forward, cancellation).ConfigureAwait(false);
        }

        if (!zeroes)
            await ClearTailAsync(oldBytes, request.LengthBytes, cancellation).ConfigureAwait(false);
        if (mode != PreallocationMode.Off)
        {
            long start = await PrepareTailAsync(oldBytes, request.LengthBytes, cancellation).ConfigureAwait(false);
            var range = ByteRange.FromEnd(start, request.LengthBytes);
            await node.PreallocateAsync(range, mode, request.Progress, cancellation).ConfigureAwait(false);
        }

        if (zeroes)
        {
            await OperationStep.RunAsync(
                "Failed to zero out the new area",
                () => node.ZeroGrowthAsync(oldBytes, request.LengthBytes, cancellation)).ConfigureAwait(false);
        }
    }

    /// <summary>
    /// Zeroes what the cluster that the old end cuts in two holds behind it: what was there before the disk was shrunk
    /// must not come back.
    /// </summary>
    private async ValueTask ClearTailAsync(long oldBytes, long newBytes, CancellationToken cancellation)
    {
        long end = Math.Min((oldBytes + _geometry.ClusterSize - 1) & -_geometry.ClusterSize, newBytes);
        if (end == oldBytes)
            return;
        IoBuffer tail = IoBufferPool.Shared.Rent((int)(end - oldBytes));
        try
        {
            await node.ReadGuestAsync(new GuestOffset(oldBytes), tail.Memory, cancellation).ConfigureAwait(false);
            if (ZeroDetector.IsZero(tail.Span))
                return;
        }
        finally
        {
            tail.Return();
        }

        await node.WriteGrowthAsync(oldBytes, newBytes, _geometry.ClusterSize, cancellation).ConfigureAwait(false);
    }

    /// <summary>
    /// Makes the cluster that the old end cuts in two fit for preallocation. A new one may be linked unwritten only
    /// where that hides nothing; else the growth is written, with what is before it copied.
    /// </summary>
    /// <returns>Where the preallocation begins.</returns>
    private async ValueTask<long> PrepareTailAsync(long oldBytes, long newBytes, CancellationToken cancellation)
    {
        long start = oldBytes & -_geometry.ClusterSize;
        if (start == oldBytes)
            return oldBytes;
        bool isOwn = true;
        bool hidesNothing = true;
        bool isCompressed = false;
        long end = start + _geometry.ClusterSize;
        for (long at = start; at < end;)
        {
            ClusterMapping mapping = await node.LookUpAsync(new GuestOffset(at), end - at, cancellation)
                .ConfigureAwait(false);
            isOwn &= mapping.IsCopied && mapping.HasHost &&
                (_geometry.HasSubclusters || mapping.Type == SubclusterType.Normal);
            hidesNothing &= _geometry.HasSubclusters
                ? mapping.Type is not (SubclusterType.Normal or SubclusterType.Compressed)
                : mapping.Type == SubclusterType.ZeroPlain || (mapping.IsUnallocated && node.Backing is null);
            isCompressed |= mapping.Type == SubclusterType.Compressed;
            at += mapping.LengthBytes;
        }

        if (isOwn)
            return Math.Min(end, newBytes);
        if (hidesNothing)
            return oldBytes;
        if (_geometry.HasSubclusters && !isCompressed)
        {
            await CopyTailAsync(oldBytes, cancellation).ConfigureAwait(false);
            return Math.Min(end, newBytes);
        }

        return await node.WriteGrowthAsync(oldBytes, newBytes, _geometry.ClusterSize, cancellation)
            .ConfigureAwait(false);
    }

    /// <summary>
    /// Makes a shared last cluster the image's own, by writing its last sector again. Subclusters behind the end stay
    /// unallocated.
    /// </summary>
    private async ValueTask CopyTailAsync(long oldBytes, CancellationToken cancellation)
    {
        IoBuffer sector = IoBufferPool.Shared.Rent(FormatLimits.SectorBytes);
        try
        {
            var last = new GuestOffset(oldBytes - FormatLimits.SectorBytes);
            Memory<byte> bytes = sector.Memory[..FormatLimits.SectorBytes];
            await node.ReadGuestAsync(last, bytes, cancellation).ConfigureAwait(false);
            await node.WriteUnderLeaseAsync(last, bytes, cancellation).ConfigureAwait(false);
        }
        finally
        {
            sector.Return();
        }
    }

    private async ValueTask ShrinkAsync(long oldBytes, long newBytes, CancellationToken cancellation)
    {
        long cut = (newBytes + _geometry.ClusterSize - 1) & -_geometry.ClusterSize;
        long end = (oldBytes + _geometry.ClusterSize - 1) & -_geometry.ClusterSize;
        await OperationStep.RunAsync(
            "Failed to discard cropped clusters",
            () => node.DiscardUnderLeaseAsync(
                ByteRange.FromEnd(cut, Math.Max(cut, end)), DiscardReason.Always, full: true, cancellation))
                .ConfigureAwait(false);
        await OperationStep.RunAsync(
            "Failed to reduce the number of L2 tables", () => DropL2TablesAsync(newBytes, cancellation))
            .ConfigureAwait(false);
        await OperationStep.RunAsync(
            "Failed to discard unused refblocks", () => DropRefcountBlocksAsync(cancellation)).ConfigureAwait(false);
        if (node.DataFile is { } data)
            await data.TruncateAsync(new TruncateRequest(newBytes), cancellation).ConfigureAwait(false);
        await CutFileAsync(cancellation).ConfigureAwait(false);
    }

    private async ValueTask DropL2TablesAsync(long newBytes, CancellationToken cancellation)
    {
        await node.FlushOrder.FlushAllAsync(FlushReason.Structure, cancellation).ConfigureAwait(false);
        await _tables.File.ReachAsync(BlockEvent.L1ShrinkWriteTable, cancellation).ConfigureAwait(false);
        using (MetadataScope scope = _tables.Lock.Enter())
        {
            for (long index = _geometry.L1EntriesFor(newBytes); index < _tables.L1.EntryCount; index++)
            {
                L1Entry entry = _tables.L1[index];
                if (!entry.IsAllocated)
                    continue;
                _tables.L1.Set(scope, index, default);
                _tables.L2Cache.Drop(scope, entry.TableOffset, _geometry.ClusterSize);
                _tables.Quarantine.Free(scope, entry.TableOffset, _geometry.ClusterSize, DiscardReason.Always);
            }

            _tables.Overlap.Forget(scope);
        }

        await _tables.File.ReachAsync(BlockEvent.L1ShrinkFreeL2Clusters, cancellation).ConfigureAwait(false);
        await node.FlushOrder.FlushAllAsync(FlushReason.Structure, cancellation).ConfigureAwait(false);
    }

    /// <summary>Unhooks refcount blocks that count nothing but themselves.</summary>
    private async ValueTask DropRefcountBlocksAsync(CancellationToken cancellation)
    {
        ulong[] table = _tables.Refcounts.CopyEntries();
        var gone = new List<(int Index, HostOffset Block, bool CountsItself)>();
        for (int index = 0; index < table.Length; index++)
        {
            HostOffset block = _tables.Refcounts.BlockAt(index);
            if (block.Value == 0)
                continue;
            bool countsItself = _tables.Refcounts.BlockIndex(_geometry.ClusterOf(block)) == index;
            if (!await CountsOnlyItselfAsync(index, block, countsItself, cancellation).ConfigureAwait(false))
                continue;
            table[index] = 0;
            gone.Add((index, block, countsItself));
        }

        if (gone.Count == 0)
            return;
        byte[] bytes = TableCodec.Encode(table);
        RefcountTableLocation location = _tables.Refcounts.Location;
        bool written = false;
        try
        {
            await node.Structure.WriteCheckedAsync(location.Offset, bytes, OverlapChecks.RefcountTable, cancellation)
                .ConfigureAwait(false);
            written = true;
        }
        finally
        {
            foreach ((int index, _, _) in gone)
                node.Structure.Uncertain.NoteRefcountEntry(index, written);
        }

        await node.FlushOrder.SyncAsync(FlushReason.Structure, cancellation).ConfigureAwait(false);
        using (MetadataScope scope = _tables.Lock.Enter())
        {
            _tables.Refcounts.Replace(scope, location, table);
            _tables.Overlap.Forget(scope);
            foreach ((_, HostOffset block, bool countsItself) in gone)
            {
                _tables.RefcountCache.Drop(scope, block, _geometry.ClusterSize);
                if (!countsItself)
                    _tables.Quarantine.Free(scope, block, _geometry.ClusterSize, DiscardReason.Always);
            }

            _tables.Allocator.Restart(scope);
        }

        await node.FlushOrder.FlushAllAsync(FlushReason.Structure, cancellation).ConfigureAwait(false);
    }

    private async ValueTask<bool> CountsOnlyItselfAsync(
        int index, HostOffset block, bool countsItself, CancellationToken cancellation)
    {
        IoBuffer content = IoBufferPool.Shared.Rent(_geometry.ClusterSize);
        try
        {
            // Everything was flushed: the file is what the cache holds.
            await _tables.File.ReadAsync(block.Value, content.Memory, cancellation).ConfigureAwait(false);
            if (countsItself)
            {
                int own = (int)(_geometry.ClusterOf(block).Index - ((long)index << _geometry.RefcountBlockBits));
                RefcountCodec.Set(content.Span, own, _geometry.RefcountOrder, 0);
            }

            return ZeroDetector.IsZero(content.Span);
        }
        finally
        {
            content.Return();
        }
    }

    /// <summary>Gives the file's tail back behind the last cluster in use.</summary>
    private async ValueTask CutFileAsync(CancellationToken cancellation)
    {
        long fileBytes = _tables.File.LengthBytes;
        // Clusters that the table has no room for are not counted, and so not in use.
        long clusters = Math.Min(
            _geometry.ClustersFor(fileBytes), (long)_tables.Refcounts.EntryCount << _geometry.RefcountBlockBits);
        using var pins = new PinSet(_tables);
        while (clusters > 0)
        {
            MetadataMiss miss;
            using (MetadataScope scope = _tables.Lock.Enter())
            {
                long block = _tables.Refcounts.BlockIndex(new HostCluster(clusters - 1));
                if (_tables.Refcounts.BlockAt(block).Value == 0)
                {
                    clusters = block << _geometry.RefcountBlockBits;
                    continue;
                }

                if (_tables.Refcounts.TryGet(scope, new HostCluster(clusters - 1), out ulong refcount, out miss))
                {
                    if (refcount != 0)
                        break;
                    clusters--;
                    continue;
                }
            }

            await node.Loader.ProvideAsync(miss, pins, cancellation).ConfigureAwait(false);
        }

        long end = clusters << _geometry.ClusterBits;
        if (end >= fileBytes)
            return;
        try
        {
            await _tables.File.TruncateAsync(new TruncateRequest(end, Exact: false), cancellation)
                .ConfigureAwait(false);
        }
        catch (BlockException failure)
        {
            DiagnosticOutput.WriteLine($"warning: Failed to truncate the tail of the image: {failure.Message}");
        }
    }
}
