using Byre.Block.Errors;
using Byre.Block.Graph;
using Byre.Block.Requests;
using Byre.Block.Threading;
using Byre.Qcow2.Io;
using Byre.Qcow2.Layout;
using Byre.Qcow2.Metadata;

namespace Byre.Qcow2.Snapshots;

/// <summary>
/// Takes, applies and deletes internal snapshots. Each holds a lease on the whole disk and goes in steps that are each
/// stable before the next: a crash leaves the table as it was or as it shall be, and at worst clusters counted too
/// high. Meanwhile "copied" flags and reference counts disagree; a version 3 image is marked dirty for that time, so
/// that whoever opens it after a crash repairs it. Version 2 has no such mark: there a check finds missing flags, each
/// of which costs one copy.
/// </summary>
internal sealed class SnapshotOperations(Qcow2Node node)
{
    private readonly ImageTables _tables = node.Tables;
    private readonly Geometry _geometry = node.Tables.Geometry;
    private readonly ReferenceWalk _references = new(node);

    /// <summary>Takes a snapshot of the present content.</summary>
    public async ValueTask CreateAsync(SnapshotInfo description, CancellationToken cancellation)
    {
        using RangeLease lease = await LeaseEverythingAsync(cancellation).ConfigureAwait(false);
        List<SnapshotRecord> records = await ReadAsync(cancellation).ConfigureAwait(false);
        if (records.Count >= FormatLimits.MaxSnapshots)
            throw BlockException.FromErrno(Errno.FileTooLarge);
        await node.FlushOrder.FlushAllAsync(FlushReason.Structure, cancellation).ConfigureAwait(false);

        DirtyMark mark = await MarkDirtyAsync(cancellation).ConfigureAwait(false);
        ulong[] l1 = _tables.L1.Copy();
        long l1Bytes = (long)l1.Length * Geometry.TableEntryBytes;
        HostCluster table = await node.Structure.AllocateAsync(_geometry.ClustersFor(l1Bytes), cancellation)
            .ConfigureAwait(false);
        bool referenced = false;
        try
        {
            await WriteL1Async(table, l1, cancellation).ConfigureAwait(false);
            await _references.ClearCopiedFlagsAsync(cancellation).ConfigureAwait(false);
            await node.FlushOrder.FlushAllAsync(FlushReason.Structure, cancellation).ConfigureAwait(false);
            await _references.AddAsync(l1, cancellation).ConfigureAwait(false);
            referenced = true;
            await FlushRefcountsAsync(cancellation).ConfigureAwait(false);
            records.Add(Describe(description, records, table, l1.Length));
            await WriteTableAsync(records, cancellation).ConfigureAwait(false);
        }
        catch (BlockException)
        {
            if (referenced)
                await _references.FreeAsync(l1, DiscardReason.Never, cancellation).ConfigureAwait(false);
            node.Structure.FreeUnused(table, _geometry.ClustersFor(l1Bytes));
            await node.FlushOrder.DrainAsync(cancellation).ConfigureAwait(false);
            await _references.UpdateCopiedFlagsAsync(cancellation).ConfigureAwait(false);
            await FinishAsync(mark, cancellation).ConfigureAwait(false);
            throw;
        }

        await DropVmStateAsync(description.VmStateBytes, cancellation).ConfigureAwait(false);
        await FinishAsync(mark, cancellation).ConfigureAwait(false);
    }

    /// <summary>Makes the content that of a snapshot.</summary>
    public async ValueTask ApplyAsync(string idOrName, CancellationToken cancellation)
    {
        using RangeLease lease = await LeaseEverythingAsync(cancellation).ConfigureAwait(false);
        List<SnapshotRecord> records = await ReadAsync(cancellation).ConfigureAwait(false);
        int index = records.FindIndex(record => record.Id == idOrName);
        if (index < 0)
            index = records.FindIndex(record => record.Name == idOrName);
        if (index < 0)
            throw BlockException.FromErrno(Errno.NoEntry);
        SnapshotRecord snapshot = records[index];
        L1Location location = Validate(snapshot);
        ValidateSize(snapshot);
        await node.FlushOrder.FlushAllAsync(FlushReason.Structure, cancellation).ConfigureAwait(false);

        ulong[] old = _tables.L1.Copy();
        ulong[] saved = await _references.ReadL1Async(location.Offset, location.EntryCount, cancellation)
            .ConfigureAwait(false);
        ulong[] l1 = new ulong[Math.Max(saved.Length, (int)_geometry.L1EntriesFor((long)snapshot.DiskBytes))];
        for (int i = 0; i < saved.Length; i++)
            l1[i] = saved[i] & ~L1Entry.Copied;
        long l1Clusters = _geometry.ClustersFor((long)l1.Length * Geometry.TableEntryBytes);
        HostCluster table = await node.Structure.AllocateAsync(l1Clusters, cancellation).ConfigureAwait(false);
        DirtyMark mark = await MarkDirtyAsync(cancellation).ConfigureAwait(false);
        try
        {
            await _references.AddAsync(saved, cancellation).ConfigureAwait(false);
        }
        catch (BlockException)
        {
            node.Structure.FreeUnused(table, l1Clusters);
            await FinishAsync(mark, cancellation).ConfigureAwait(false);
            throw;
        }

        await WriteL1Async(table, l1, cancellation).ConfigureAwait(false);
        await FlushRefcountsAsync(cancellation).ConfigureAwait(false);
        await SwitchAsync(table, l1, (long)snapshot.DiskBytes, cancellation).ConfigureAwait(false);

        // The saved tables are shared with the snapshot again; what only the old content used goes.
        await _references.FreeAsync(old, DiscardReason.Other, cancellation).ConfigureAwait(false);
        await node.FlushOrder.DrainAsync(cancellation).ConfigureAwait(false);
        await _references.UpdateCopiedFlagsAsync(cancellation).ConfigureAwait(false);
        await FinishAsync(mark, cancellation).ConfigureAwait(false);
    }

    /// <summary>Removes a snapshot.</summary>
    public async ValueTask DeleteAsync(string id, string name, CancellationToken cancellation)
    {
        using RangeLease lease = await LeaseEverythingAsync(cancellation).ConfigureAwait(false);
        List<SnapshotRecord> records = await ReadAsync(cancellation).ConfigureAwait(false);
        int index = records.FindIndex(record => record.Id == id && record.Name == name);
        if (index < 0)
            throw BlockException.FromErrno(Errno.NoEntry);
        L1Location location = Validate(records[index]);
        await node.FlushOrder.FlushAllAsync(FlushReason.Structure, cancellation).ConfigureAwait(false);
        ulong[] l1 = await _references.ReadL1Async(location.Offset, location.EntryCount, cancellation)
            .ConfigureAwait(false);
        records.RemoveAt(index);
        DirtyMark mark = await MarkDirtyAsync(cancellation).ConfigureAwait(false);
        await OperationStep.RunAsync(
            "Failed to remove snapshot from snapshot list", () => WriteTableAsync(records, cancellation))
            .ConfigureAwait(false);
        await OperationStep.RunAsync(
            "Failed to free the cluster and L1 table", () => FreeAsync(l1, location, cancellation))
            .ConfigureAwait(false);
        await OperationStep.RunAsync("Failed to update snapshot status in disk", async () =>
        {
            await _references.UpdateCopiedFlagsAsync(cancellation).ConfigureAwait(false);
            await FinishAsync(mark, cancellation).ConfigureAwait(false);
        }).ConfigureAwait(false);
    }

    private async ValueTask FreeAsync(ulong[] l1, L1Location location, CancellationToken cancellation)
    {
        await _references.FreeAsync(l1, DiscardReason.Snapshot, cancellation).ConfigureAwait(false);
        if (location.LengthBytes > 0)
        {
            using MetadataScope scope = _tables.Lock.Enter();
            _tables.Quarantine.Free(scope, location.Offset, location.LengthBytes, DiscardReason.Snapshot);
        }

        node.FlushOrder.TakeReleaseFailure();
        await node.FlushOrder.DrainAsync(cancellation).ConfigureAwait(false);
        if (node.FlushOrder.TakeReleaseFailure() is { } failure)
            throw BlockException.FromErrno(failure.Errno);
    }

    /// <summary>Shows a snapshot's content on a read-only node.</summary>
    public async ValueTask<bool> LoadAsync(string? id, string? name, CancellationToken cancellation)
    {
        List<SnapshotRecord> records = await ReadAsync(cancellation).ConfigureAwait(false);
        SnapshotRecord? snapshot = records.Find(
            record => (id is null || record.Id == id) && (name is null || record.Name == name));
        if (snapshot is null)
            return false;
        L1Location location = Validate(snapshot);
        ValidateSize(snapshot);
        ulong[] l1 = await _references.ReadL1Async(location.Offset, location.EntryCount, cancellation)
            .ConfigureAwait(false);
        using MetadataScope scope = _tables.Lock.Enter();
        _tables.L1.Replace(scope, location.Offset, l1);
        node.NoteVirtualSize((long)snapshot.DiskBytes);
        return true;
    }

    /// <summary>
    /// Marks a version 3 image dirty before its counts and flags disagree. An operation that fails half-way leaves the
    /// mark, also beyond the close.
    /// </summary>
    /// <returns>What <see cref="FinishAsync"/> has to take back.</returns>
    private async ValueTask<DirtyMark> MarkDirtyAsync(CancellationToken cancellation)
    {
        if (_tables.Header.Version < 3 || !_tables.Options.Obeys(OrderingRules.DirtyWhileInconsistent))
            return default;
        var mark = new DirtyMark(SetsBit: !_tables.Header.IsDirty, SetsKeep: !node.KeepsDirtyBit);
        node.KeepsDirtyBit = true;
        if (!mark.SetsBit)
            return mark;
        using AsyncMutex.Holder holder = await node.Structure.Mutex.EnterAsync().ConfigureAwait(false);
        await node.Structure.WriteHeaderAsync(
            header => header with { IncompatibleFeatures = header.IncompatibleFeatures | IncompatibleFeatures.Dirty },
            cancellation).ConfigureAwait(false);
        await node.FlushOrder.SyncAsync(FlushReason.Structure, cancellation).ConfigureAwait(false);
        return mark;
    }

    /// <summary>Counts and flags agree again, in memory: makes that stable and takes the mark back.</summary>
    private async ValueTask FinishAsync(DirtyMark mark, CancellationToken cancellation)
    {
        await node.FlushOrder.FlushAllAsync(FlushReason.Structure, cancellation).ConfigureAwait(false);
        if (mark.SetsKeep)
            node.KeepsDirtyBit = false;
        if (!mark.SetsBit)
            return;
        using AsyncMutex.Holder holder = await node.Structure.Mutex.EnterAsync().ConfigureAwait(false);
        await node.ClearDirtyBitAsync().ConfigureAwait(false);
    }

    private L1Location Validate(SnapshotRecord snapshot)
    {
        var shape = new TableShape("Snapshot L1 table", Geometry.TableEntryBytes, FormatLimits.MaxL1Bytes);
        FormatLimits.CheckTable(snapshot.L1Offset, snapshot.L1EntryCount, shape, _geometry.ClusterBits);
        return new L1Location(new HostOffset((long)snapshot.L1Offset), (int)snapshot.L1EntryCount);
    }

    /// <summary>A disk of that size must be possible.</summary>
    private void ValidateSize(SnapshotRecord snapshot)
    {
        if (snapshot.DiskBytes % FormatLimits.SectorBytes != 0)
            throw BlockException.Invalid($"The new size must be a multiple of {FormatLimits.SectorBytes}");
        ulong largest = (ulong)FormatLimits.MaxL1Bytes / Geometry.TableEntryBytes << _geometry.L1Shift;
        if (snapshot.DiskBytes > Math.Min(largest, long.MaxValue))
            throw BlockException.FromErrno(Errno.FileTooLarge);
    }

    private async ValueTask<RangeLease> LeaseEverythingAsync(CancellationToken cancellation)
    {
        var everything = new ByteRange(0, long.MaxValue);
        RangeLease lease = await node.Tracker.AcquireAsync(everything, LeaseKind.Exclusive).ConfigureAwait(false);
        try
        {
            await node.SettleUnderLeaseAsync(everything, cancellation).ConfigureAwait(false);
            return lease;
        }
        catch
        {
            lease.Dispose();
            throw;
        }
    }

    private async ValueTask<List<SnapshotRecord>> ReadAsync(CancellationToken cancellation) =>
        [.. await SnapshotTableReader.ReadAsync(_tables.File, _tables.Header, cancellation).ConfigureAwait(false)];

    private SnapshotRecord Describe(
        SnapshotInfo description, List<SnapshotRecord> records, HostCluster table, int entryCount) => new()
    {
        L1Offset = entryCount == 0 ? 0 : (ulong)_geometry.OffsetOf(table).Value,
        L1EntryCount = (uint)entryCount,
        Id = description.Id.Length > 0 ? description.Id : NextId(records),
        Name = description.Name,
        DateSeconds = (uint)description.DateSeconds,
        DateNanoseconds = (uint)description.DateNanoseconds,
        VmClockNanoseconds = description.VmClockNanoseconds,
        VmStateBytes = (ulong)description.VmStateBytes,
        DiskBytes = (ulong)node.LengthBytes,
        InstructionCount = description.InstructionCount,
    };

    private static string NextId(List<SnapshotRecord> records)
    {
        ulong highest = 0;
        foreach (SnapshotRecord record in records)
        {
            if (ulong.TryParse(record.Id, out ulong id))
                highest = Math.Max(highest, id);
        }

        return (highest + 1).ToString(System.Globalization.CultureInfo.InvariantCulture);
    }

    private async ValueTask WriteL1Async(HostCluster table, ulong[] l1, CancellationToken cancellation)
    {
        if (l1.Length == 0)
            return;
        byte[] bytes = TableCodec.Encode(l1);
        await node.Structure.WriteCheckedAsync(_geometry.OffsetOf(table), bytes, OverlapChecks.None, cancellation)
            .ConfigureAwait(false);
    }

    private async ValueTask FlushRefcountsAsync(CancellationToken cancellation)
    {
        await node.FlushOrder.WriteBackRefcountsAsync(cancellation).ConfigureAwait(false);
        await node.FlushOrder.SyncAsync(FlushReason.Structure, cancellation).ConfigureAwait(false);
    }

    /// <summary>Writes the table elsewhere, has the header point to it, then frees the old one.</summary>
    private async ValueTask WriteTableAsync(List<SnapshotRecord> records, CancellationToken cancellation)
    {
        SnapshotTableLocation old = _tables.Header.Snapshots;
        long oldBytes = _tables.Overlap.SnapshotTable.LengthBytes;
        byte[] bytes = SnapshotCodec.WriteTable(records);
        HostOffset offset = default;
        if (bytes.Length > 0)
        {
            HostCluster first = await node.Structure.AllocateAsync(_geometry.ClustersFor(bytes.Length), cancellation)
                .ConfigureAwait(false);
            offset = _geometry.OffsetOf(first);
            await node.Structure.WriteCheckedAsync(offset, bytes, OverlapChecks.None, cancellation)
                .ConfigureAwait(false);
            await FlushRefcountsAsync(cancellation).ConfigureAwait(false);
        }

        var location = new SnapshotTableLocation(offset, records.Count);
        using (AsyncMutex.Holder holder = await node.Structure.Mutex.EnterAsync().ConfigureAwait(false))
            await node.Structure.UpdateHeaderAsync(header => header with { Snapshots = location }, cancellation)
                .ConfigureAwait(false);

        using MetadataScope scope = _tables.Lock.Enter();
        node.NoteSnapshots(records, bytes.Length);
        if (old.Count > 0 && oldBytes > 0)
            _tables.Quarantine.Free(scope, old.Offset, oldBytes, DiscardReason.Snapshot);
    }

    private async ValueTask SwitchAsync(HostCluster table, ulong[] l1, long diskBytes, CancellationToken cancellation)
    {
        HostOffset offset = l1.Length == 0 ? default : _geometry.OffsetOf(table);
        using AsyncMutex.Holder holder = await node.Structure.Mutex.EnterAsync().ConfigureAwait(false);
        await node.Structure.UpdateHeaderAsync(
            header => header with { L1 = new L1Location(offset, l1.Length), VirtualSizeBytes = diskBytes },
            cancellation).ConfigureAwait(false);
        using MetadataScope scope = _tables.Lock.Enter();
        HostOffset gone = _tables.L1.Offset;
        int goneEntries = _tables.L1.EntryCount;
        _tables.L1.Replace(scope, offset, l1);
        _tables.L2Cache.DropAll(scope);
        _tables.Overlap.Forget(scope);
        node.NoteVirtualSize(diskBytes);
        if (goneEntries > 0)
            _tables.Quarantine.Free(scope, gone, (long)goneEntries * Geometry.TableEntryBytes, DiscardReason.Other);
    }

    /// <summary>The vm state belongs to the snapshot now: the active content needs it no more.</summary>
    private async ValueTask DropVmStateAsync(long bytes, CancellationToken cancellation)
    {
        if (bytes > 0)
        {
            var range = new ByteRange(node.VmStateOffset, (bytes + _geometry.ClusterSize - 1) & -_geometry.ClusterSize);
            await node.DiscardUnderLeaseAsync(range, DiscardReason.Never, full: false, cancellation)
                .ConfigureAwait(false);
        }
    }

    /// <summary>What an operation changed to say that it is under way.</summary>
    private readonly record struct DirtyMark(bool SetsBit, bool SetsKeep);
}
