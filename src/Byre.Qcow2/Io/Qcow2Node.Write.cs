using System.Runtime.CompilerServices;
using Byre.Block.Buffers;
using Byre.Block.Errors;
using Byre.Block.Requests;
using Byre.Qcow2.Layout;
using Byre.Qcow2.Metadata;

namespace Byre.Qcow2.Io;

/// <content>
/// Plain writes: into data clusters in place, or by plans that allocate, copy on write and link. One request holds one
/// lease from its first look at the tables to its last change of them.
/// </content>
internal sealed partial class Qcow2Node
{
    private const int MaxInPlaceRuns = 64;

    /// <summary>Plans that one write does at most; each pins its slices.</summary>
    private const int MaxPlansPerWrite = 64;

    /// <summary>
    /// Freed clusters that may wait for a flush before a write makes one: they are space the file grows by.
    /// </summary>
    private const long MaxQuarantineBytes = 16L << 20;

    private WritePlanner? _planner;

    private WritePlanner Planner => _planner ??= new WritePlanner(_tables, () => _backing);

    /// <inheritdoc/>
    protected override ValueTask WriteCoreAsync(
        long offset, IoVector source, RequestFlags flags, CancellationToken cancellation)
    {
        var range = new ByteRange(offset, source.Length);
        bool isPlain = (flags & RequestFlags.Compressed) == 0 && !_data.WantsEvents;
        if (!isPlain || !MayWriteNow(range) || !_tracker.TryAcquire(range, LeaseKind.InPlace, out RangeLease? lease))
            return WritePiecewiseAsync(offset, source, flags, cancellation);

        WriteRoute route = RouteOf(range, out HostOffset host);
        if (route != WriteRoute.InPlace)
        {
            lease.Dispose();
            return route == WriteRoute.Planned && _gathered is null
                ? WritePlannedAsync(range, source, cancellation)
                : WritePiecewiseAsync(offset, source, flags, cancellation);
        }

        // One run of clusters that are the image's own: the usual small overwrite, without a state machine of its own.
        _hasChanged = true;
        ValueTask write = WriteDataAsync(host, source, cancellation);
        if (!write.IsCompletedSuccessfully)
            return FinishWriteAsync(write, lease);
        lease.Dispose();
        return default;
    }

    private bool MayWriteNow(ByteRange range) =>
        !_isUnusable && !_flush.HasFailed && !IsReadOnly && range.End <= _virtualSizeBytes;

    /// <summary>How a write is to be done, as far as that can be told without waiting.</summary>
    private WriteRoute RouteOf(ByteRange range, out HostOffset host)
    {
        host = default;
        try
        {
            using MetadataScope scope = _tables.Lock.Enter();
            var guest = new GuestOffset(range.Offset);
            if (!_tables.Map.TryLookup(scope, guest, range.Length, out ClusterMapping mapping, out _))
                return WriteRoute.Unknown;
            if (mapping.Type != SubclusterType.Normal || !mapping.IsCopied)
                return WriteRoute.Planned;
            if (mapping.LengthBytes != range.Length)
                return WriteRoute.Unknown;
            if (!_tables.HasDataFile)
                _tables.Overlap.Check(scope, mapping.Host, range.Length, OverlapChecks.None);
            host = mapping.Host;
            return WriteRoute.InPlace;
        }
        catch (CorruptionException)
        {
            // The long way meets it again.
            return WriteRoute.Unknown;
        }
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    private static async ValueTask FinishWriteAsync(ValueTask write, RangeLease lease)
    {
        using (lease)
            await write.ConfigureAwait(false);
    }

    private async ValueTask WritePiecewiseAsync(
        long offset, IoVector source, RequestFlags flags, CancellationToken cancellation)
    {
        ThrowIfNotWritable();
        if (offset > _virtualSizeBytes - source.Length)
            throw BlockException.FromErrno(Errno.InputOutput);
        try
        {
            if ((flags & RequestFlags.Compressed) != 0)
                await WriteCompressedRequestAsync(offset, source, cancellation).ConfigureAwait(false);
            else if (_gathered is { } gathered && source.Length < _geometry.ClusterSize)
                await WriteSmallAsync(gathered, new GuestOffset(offset), source, cancellation).ConfigureAwait(false);
            else
                await WriteGuestAsync(new GuestOffset(offset), source, cancellation).ConfigureAwait(false);
        }
        catch (CorruptionException corruption)
        {
            throw await SignalCorruptionAsync(corruption).ConfigureAwait(false);
        }
    }

    /// <inheritdoc/>
    public override async ValueTask SaveVmStateAsync(
        long position, IoVector source, CancellationToken cancellation = default)
    {
        ThrowIfNotWritable();
        await _file.ReachAsync(BlockEvent.VmstateSave, cancellation).ConfigureAwait(false);
        var guest = new GuestOffset(VmStateOffset + position);
        long entries = (guest.Value + source.Length + (1L << _geometry.L1Shift) - 1) >> _geometry.L1Shift;
        try
        {
            await _structure.GrowL1Async(entries, exact: false, cancellation).ConfigureAwait(false);
            await WriteGuestAsync(guest, source, cancellation, isVmState: true).ConfigureAwait(false);
        }
        catch (CorruptionException corruption)
        {
            throw await SignalCorruptionAsync(corruption).ConfigureAwait(false);
        }
    }

    /// <summary>A change begins: of what a guest sees, or of what only the image says of itself.</summary>
    private void ThrowIfNotWritable(bool changesContent = true)
    {
        ThrowIfUnusable();
        _flush.ThrowIfFailed();
        if (IsReadOnly)
            throw BlockException.FromErrno(Errno.OperationNotPermitted);
        _hasChanged |= changesContent;
    }

    /// <summary>
    /// The disk may have become smaller while a request waited for its lease. Clusters that it linked behind the end
    /// would come back with their bytes when the disk grows again.
    /// </summary>
    private void ThrowIfCutOff(ByteRange range)
    {
        if (range.End > _virtualSizeBytes)
            throw BlockException.FromErrno(Errno.InputOutput);
    }

    /// <summary>A write that is known to allocate, and that nothing forbids.</summary>
    private async ValueTask WritePlannedAsync(ByteRange range, IoVector source, CancellationToken cancellation)
    {
        _hasChanged = true;
        try
        {
            await WriteExclusivelyAsync(range, source, isVmState: false, cancellation).ConfigureAwait(false);
        }
        catch (CorruptionException corruption)
        {
            throw await SignalCorruptionAsync(corruption).ConfigureAwait(false);
        }
    }

    private async ValueTask WriteGuestAsync(
        GuestOffset guest, IoVector source, CancellationToken cancellation, bool isVmState = false)
    {
        if (await TryWriteInPlaceAsync(guest, source, cancellation).ConfigureAwait(false))
            return;
        var range = new ByteRange(guest.Value, source.Length);
        await WriteExclusivelyAsync(range, source, isVmState, cancellation).ConfigureAwait(false);
    }

    private async ValueTask WriteExclusivelyAsync(
        ByteRange range, IoVector source, bool isVmState, CancellationToken cancellation)
    {
        using RangeLease lease = await _tracker
            .AcquireAsync(range.AlignOutward(_geometry.ClusterSize), LeaseKind.Exclusive).ConfigureAwait(false);
        if (!isVmState)
            ThrowIfCutOff(range);
        await SettleUnderLeaseAsync(range, cancellation).ConfigureAwait(false);
        await WriteUnderLeaseAsync(new GuestOffset(range.Offset), source, cancellation).ConfigureAwait(false);
        await RelieveQuarantineAsync(cancellation).ConfigureAwait(false);
    }

    /// <summary>Writes by plans for a caller that holds an exclusive lease on the clusters.</summary>
    internal ValueTask WriteUnderLeaseAsync(GuestOffset guest, IoVector source, CancellationToken cancellation) =>
        _tables.Quarantine.HasGuestClusters
            ? WriteOrRetryAsync(guest, source, cancellation)
            : WriteByPlansAsync(guest, source, cancellation);

    /// <summary>
    /// Clusters that were freed before, not by this request's own attempts, wait for a flush before they can be used:
    /// without space it makes one, and tries once more.
    /// </summary>
    private async ValueTask WriteOrRetryAsync(GuestOffset guest, IoVector source, CancellationToken cancellation)
    {
        try
        {
            await WriteByPlansAsync(guest, source, cancellation).ConfigureAwait(false);
        }
        catch (BlockException failure)
            when (failure.Errno == Errno.NoSpace)
        {
            await _flush.FlushAllAsync(FlushReason.FreedClusters, cancellation).ConfigureAwait(false);
            // What was written already is written again, in place.
            await WriteByPlansAsync(guest, source, cancellation).ConfigureAwait(false);
        }
    }

    private async ValueTask WriteByPlansAsync(GuestOffset guest, IoVector source, CancellationToken cancellation)
    {
        SubRequests parts = default;
        HostCluster? preferred = null;
        try
        {
            for (long done = 0; done < source.Length;)
            {
                AllocationPlan plan = await PlanAsync(guest + done, source.Length - done, preferred, cancellation)
                    .ConfigureAwait(false);
                Extend(plan, source.Length - done);
                AllocationPlan last = plan.Last;
                long bytes = last.Guest + last.DataBytes - plan.Guest;
                ValueTask part = ExecuteAsync(plan, source.Slice(new ByteRange(done, bytes)), cancellation);
                done += bytes;
                preferred = _tables.HasDataFile ? null : last.NextHost;
                await parts.AddAsync(part, isLast: done == source.Length).ConfigureAwait(false);
            }

            await parts.WhenAllEnd();
        }
        finally
        {
            await parts.WhenAllEndAnyhow();
        }
    }

    /// <summary>
    /// Writes a request whose clusters are all there and this image's own; false, with nothing written, where one is
    /// not.
    /// </summary>
    private async ValueTask<bool> TryWriteInPlaceAsync(
        GuestOffset guest, IoVector source, CancellationToken cancellation)
    {
        using RangeLease lease = await _tracker
            .AcquireAsync(new ByteRange(guest.Value, source.Length), LeaseKind.InPlace).ConfigureAwait(false);
        var runs = new List<ClusterMapping>(1);
        for (long known = 0; known < source.Length;)
        {
            ClusterMapping mapping = await LookUpAsync(guest + known, source.Length - known, cancellation)
                .ConfigureAwait(false);
            if (mapping.Type != SubclusterType.Normal || !mapping.IsCopied)
                return false;
            known += mapping.LengthBytes;
            if (runs.Count > 0 && runs[^1] is var before && mapping.Host == before.Host + before.LengthBytes)
                runs[^1] = before with { LengthBytes = before.LengthBytes + mapping.LengthBytes };
            else if (runs.Count == MaxInPlaceRuns)
                return false;
            else
                runs.Add(mapping);
        }

        SubRequests parts = default;
        try
        {
            long done = 0;
            foreach (ClusterMapping run in runs)
            {
                IoVector piece = source.Slice(new ByteRange(done, run.LengthBytes));
                ValueTask part = WriteInPlaceAsync(run, piece, cancellation);
                done += run.LengthBytes;
                await parts.AddAsync(part, isLast: done == source.Length).ConfigureAwait(false);
            }

            await parts.WhenAllEnd();
        }
        finally
        {
            await parts.WhenAllEndAnyhow();
        }

        return true;
    }

    private async ValueTask WriteInPlaceAsync(ClusterMapping mapping, IoVector source, CancellationToken cancellation)
    {
        if (!_tables.HasDataFile)
        {
            using MetadataScope scope = _tables.Lock.Enter();
            _tables.Overlap.Check(scope, mapping.Host, mapping.LengthBytes, OverlapChecks.None);
        }

        await WriteDataAsync(mapping.Host, source, cancellation).ConfigureAwait(false);
    }

    private ValueTask WriteDataAsync(HostOffset host, IoVector source, CancellationToken cancellation)
    {
        if (_data.WantsEvents)
            return ReachAndWriteDataAsync(host, source, cancellation);
        try
        {
            return _data.WriteAsync(host.Value, source, RequestFlags.None, cancellation);
        }
        catch (BlockException failure)
        {
            return ValueTask.FromException(failure);
        }
    }

    private async ValueTask ReachAndWriteDataAsync(HostOffset host, IoVector source, CancellationToken cancellation)
    {
        await _data.ReachAsync(BlockEvent.WriteAio, cancellation).ConfigureAwait(false);
        await _data.WriteAsync(host.Value, source, RequestFlags.None, cancellation).ConfigureAwait(false);
    }

    /// <summary>Plans the first part of a write. The caller executes it, or aborts it.</summary>
    private async ValueTask<AllocationPlan> PlanAsync(
        GuestOffset guest, long maxBytes, HostCluster? preferred, CancellationToken cancellation)
    {
        PinSet? pins = null;
        try
        {
            while (true)
            {
                MetadataMiss miss;
                using (MetadataScope scope = _tables.Lock.Enter())
                {
                    if (Planner.TryPlan(scope, guest, maxBytes, preferred, out AllocationPlan? plan, out miss))
                        return plan!;
                }

                await _loader.ProvideAsync(miss, pins ??= new PinSet(_tables, Planner.MaxSlices), cancellation)
                    .ConfigureAwait(false);
            }
        }
        finally
        {
            pins?.Dispose();
        }
    }

    /// <summary>
    /// Plans on while what follows goes to the bytes behind. A damaged entry there fails the request as a whole: no
    /// plan is left.
    /// </summary>
    private void Extend(AllocationPlan first, long maxBytes)
    {
        AllocationPlan last = first;
        try
        {
            for (int plans = 1; plans < MaxPlansPerWrite; plans++)
            {
                long planned = last.Guest + last.DataBytes - first.Guest;
                if (planned == maxBytes)
                    return;
                using (MetadataScope scope = _tables.Lock.Enter())
                    last.Next = Planner.TryContinue(scope, last, maxBytes - planned);
                if (last.Next is null)
                    return;
                last = last.Next;
            }
        }
        catch (BlockException)
        {
            AbortAll(first);
            throw;
        }
    }

    /// <summary>Writes by one write what a plan and those that go on where it ends say, and links it.</summary>
    private async ValueTask ExecuteAsync(AllocationPlan first, IoVector source, CancellationToken cancellation)
    {
        try
        {
            if (!_tables.Options.Obeys(OrderingRules.DataBeforeLink))
                LinkAll(first);
            if (_file.WantsEvents)
                await ReachAllocationAsync(first, cancellation).ConfigureAwait(false);
            await WriteWithCopiesAsync(first, source, cancellation).ConfigureAwait(false);
        }
        catch
        {
            if (first.State == PlanState.Reserved)
                AbortAll(first);
            throw;
        }

        if (first.State == PlanState.Reserved)
            LinkAll(first);
    }

    private async ValueTask ReachAllocationAsync(AllocationPlan first, CancellationToken cancellation)
    {
        for (AllocationPlan? plan = first; plan is not null; plan = plan.Next)
        {
            if (plan.NewRun.Count == 0)
                continue;
            await _file.ReachAsync(BlockEvent.ClusterAlloc, cancellation).ConfigureAwait(false);
            await _structure.ReachCountingAsync(cancellation).ConfigureAwait(false);
        }
    }

    private void LinkAll(AllocationPlan first)
    {
        for (AllocationPlan? plan = first; plan is not null; plan = plan.Next)
        {
            plan.Enter(PlanState.DataWritten);
            Link(plan);
        }
    }

    private void AbortAll(AllocationPlan first)
    {
        for (AllocationPlan? plan = first; plan is not null; plan = plan.Next)
            Abort(plan);
    }

    /// <summary>Points the entries to the plan's clusters, and frees what they pointed to.</summary>
    /// <param name="plan">A plan whose data is written.</param>
    /// <param name="isWritten">
    /// False for space that is only prepared: its subclusters, where there are any, stay as they are.
    /// </param>
    private void Link(AllocationPlan plan, bool isWritten = true)
    {
        if (!plan.NeedsLink)
        {
            plan.Enter(PlanState.Linked);
            return;
        }

        HostOffset firstCluster = new(_geometry.StartOfCluster(plan.Host.Value));
        HostOffset lastCluster = _geometry.OffsetOf(plan.NextHost + -1);
        HostOffset cluster = firstCluster;
        long start = plan.Guest.Value - plan.HeadBytes;
        long end = plan.Guest.Value + plan.DataBytes + plan.TailBytes;
        using MetadataScope scope = _tables.Lock.Enter();
        foreach (L2Run entries in plan.Entries)
        {
            for (int i = 0; i < entries.Count; i++, cluster += _geometry.ClusterSize)
            {
                L2Slot slot = entries.First.At(i);
                L2Entry old = _tables.Map.Read(scope, slot);
                ulong bitmap = old.IsCompressed ? 0 : old.Bitmap.Raw;
                if (_geometry.HasSubclusters && isWritten)
                {
                    int first = cluster == firstCluster ? _geometry.SubclusterIndex(start) : 0;
                    int last = cluster == lastCluster
                        ? _geometry.SubclusterIndex(end - 1)
                        : _geometry.SubclusterCount - 1;
                    bitmap |= SubclusterBitmap.AllocatedMask(first, last - first + 1);
                    bitmap &= ~SubclusterBitmap.ZeroMask(first, last - first + 1);
                }

                ulong word = (ulong)cluster.Value | L2Entry.CopiedFlag;
                _tables.Map.Write(scope, slot, new L2Entry(word, new SubclusterBitmap(bitmap)));
                if (plan.NewRun.Count > 0 && old.Word != 0)
                    FreeOldCluster(scope, old, DiscardReason.Never);
            }

            _tables.L2Cache.Unpin(scope, entries.First.Slice);
        }

        plan.Enter(PlanState.Linked);
    }

    private void Abort(AllocationPlan plan)
    {
        plan.Enter(PlanState.Aborted);
        if (plan.NewRun.Count > 0)
            _structure.FreeUnused(plan.NewRun.First, plan.NewRun.Count);
        using MetadataScope scope = _tables.Lock.Enter();
        // Nobody knows what of the data was written.
        for (HostCluster cluster = _geometry.ClusterOf(plan.Host); cluster < plan.NextHost; cluster += 1)
            _tables.Pristine.ForgetBlank(cluster);
        foreach (L2Run entries in plan.Entries)
            _tables.L2Cache.Unpin(scope, entries.First.Slice);
    }

    /// <summary>An entry was replaced: what it pointed to loses a reference.</summary>
    private void FreeOldCluster(in MetadataScope scope, L2Entry old, DiscardReason reason)
    {
        if (_tables.HasDataFile)
            return;
        switch (_tables.Map.Classify(old))
        {
            case ClusterType.Compressed:
                CompressedDescriptor descriptor = CompressedDescriptor.Decode(old.Word, _geometry);
                _tables.Quarantine.Free(scope, descriptor.Offset, descriptor.LengthBytes, reason);
                break;
            case ClusterType.Normal or ClusterType.ZeroAllocated:
                if (!_geometry.IsClusterAligned(old.Offset.Value))
                {
                    // It stays counted: a leak at worst. The request that replaced it has succeeded.
                    ReportCorruption($"Cannot free unaligned cluster 0x{old.Offset.Value:x}");
                    break;
                }

                _tables.Quarantine.Free(scope, old.Offset, _geometry.ClusterSize, reason);
                break;
        }
    }

    private async ValueTask RelieveQuarantineAsync(CancellationToken cancellation)
    {
        if (!_tables.Options.Obeys(OrderingRules.UnlinkBeforeReuse))
            await _flush.ReleaseQuarantineAsync(cancellation).ConfigureAwait(false);
        if (_tables.Quarantine.WaitingClusters << _geometry.ClusterBits > MaxQuarantineBytes &&
            _tables.Quarantine.HasUnlinking)
            await _flush.FlushAsync(FlushReason.FreedClusters, cancellation).ConfigureAwait(false);
    }
}
