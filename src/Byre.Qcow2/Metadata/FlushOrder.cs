using Byre.Block.Buffers;
using Byre.Block.Errors;
using Byre.Block.Graph;
using Byre.Block.Requests;
using Byre.Block.Threading;
using Byre.Qcow2.Layout;

namespace Byre.Qcow2.Metadata;

/// <summary>
/// The ordering law (docs/crash-consistency.md) in three steps:
/// <code>
/// 1  copy dirty refcount slices (increments) and dirty L2 slices and L1 parts; write the refcounts,
///    and the compressed data that was gathered until now, which the copies point to;                 fdatasync
/// 2  write the L1 parts and L2 slices, whose targets are all stable now;                             fdatasync
/// 3  what was unlinked is unlinked for good: release the quarantine
/// </code>
/// Flushes are coalesced: a caller whose changes are covered by a generation that began after its call joins it. A
/// device flush that fails poisons the image: every later write and flush fails, because nobody knows what was lost.
/// </summary>
internal sealed class FlushOrder(ImageTables tables, Func<IncompatibleFeatures, ValueTask> setDirtyBit)
{
    private readonly AsyncMutex _mutex = new(tables.Options.Scheduler);
    private readonly long[] _deviceFlushes = new long[Enum.GetValues<FlushReason>().Length];
    private long _started;
    private long _completed;
    private BlockException? _failure;
    private BlockException? _releaseFailure;

    /// <summary>Loads refcount slices while a flush runs; set by the node.</summary>
    public MetadataLoader Loader { get; set; } = null!;

    /// <summary>Writes again what failed writes left in doubt; set by the node.</summary>
    public Func<CancellationToken, ValueTask> RewriteUncertain { get; set; } = null!;

    /// <summary>Device flushes by this image since it was opened, for one reason.</summary>
    public long DeviceFlushes(FlushReason reason) => Interlocked.Read(ref _deviceFlushes[(int)reason]);

    /// <summary>True while a flush runs: who asked for one now would wait for it first.</summary>
    public bool IsRunning => _mutex.IsHeld;

    /// <summary>True where <see cref="ThrowIfFailed"/> would throw.</summary>
    public bool HasFailed => _failure is not null;

    /// <summary>Throws the failure of an earlier device flush.</summary>
    public void ThrowIfFailed()
    {
        if (_failure is not null)
            throw new BlockException(BlockErrorKind.ReadOnly, _failure.Errno, _failure.Message, _failure);
    }

    /// <summary>Makes everything that was linked before the call stable.</summary>
    public async ValueTask FlushAsync(FlushReason reason, CancellationToken cancellation)
    {
        long ticket = Interlocked.Read(ref _started) + 1;
        using AsyncMutex.Holder holder = await _mutex.EnterAsync().ConfigureAwait(false);
        ThrowIfFailed();
        if (_completed >= ticket)
            return;
        long generation = Interlocked.Increment(ref _started);
        await RunGenerationAsync(reason, cancellation).ConfigureAwait(false);
        _completed = generation;
    }

    /// <summary>
    /// Flushes until nothing waits: no dirty slice, no quarantined cluster. Before structural changes and at close.
    /// </summary>
    public async ValueTask FlushAllAsync(FlushReason reason, CancellationToken cancellation)
    {
        using AsyncMutex.Holder holder = await _mutex.EnterAsync().ConfigureAwait(false);
        ThrowIfFailed();
        do
        {
            Interlocked.Increment(ref _started);
            await RunGenerationAsync(reason, cancellation).ConfigureAwait(false);
            _completed = _started;
        }
        while (MoreToFlush());

        // Lazy refcounts were left out above.
        if (tables.Options.LazyRefcounts && tables.Options.Obeys(OrderingRules.CountsBeforeCleanBit) &&
            await WriteBackRefcountsCoreAsync(cancellation).ConfigureAwait(false))
            await SyncAsync(reason, cancellation).ConfigureAwait(false);
    }

    /// <summary>
    /// Flushes until the quarantine is empty as well, which may have to wait for readers: afterwards reference counts
    /// say what the tables say.
    /// </summary>
    public async ValueTask DrainAsync(CancellationToken cancellation)
    {
        await FlushAllAsync(FlushReason.Structure, cancellation).ConfigureAwait(false);
        while (true)
        {
            Task? reader;
            using (MetadataScope scope = tables.Lock.Enter())
            {
                if (!tables.Quarantine.HasStable)
                    return;
                reader = tables.Epochs.WhenReaderLeaves(scope);
            }

            if (reader is not null)
                await reader.ConfigureAwait(false);
            await FlushAllAsync(FlushReason.Structure, cancellation).ConfigureAwait(false);
        }
    }

    /// <summary>Writes dirty refcount slices: allowed at any time, ordered by nothing.</summary>
    public async ValueTask WriteBackRefcountsAsync(CancellationToken cancellation)
    {
        using AsyncMutex.Holder holder = await _mutex.EnterAsync().ConfigureAwait(false);
        ThrowIfFailed();
        await WriteBackRefcountsCoreAsync(cancellation).ConfigureAwait(false);
    }

    /// <summary>The same inside a flush. Returns whether anything was written.</summary>
    internal async ValueTask<bool> WriteBackRefcountsCoreAsync(CancellationToken cancellation)
    {
        List<SliceWrite> writes;
        using (MetadataScope scope = tables.Lock.Enter())
            writes = tables.RefcountCache.TakeDirty(scope);
        await WriteSlicesAsync(tables.RefcountCache, writes, OverlapChecks.RefcountBlock, cancellation)
            .ConfigureAwait(false);
        return writes.Count > 0;
    }

    /// <summary>One device flush of metadata and data; a failure poisons the image.</summary>
    public async ValueTask SyncAsync(FlushReason reason, CancellationToken cancellation)
    {
        try
        {
            if (tables.HasDataFile)
                await tables.DataFile.FlushAsync(cancellation).ConfigureAwait(false);
            await tables.File.FlushAsync(cancellation).ConfigureAwait(false);
            Interlocked.Increment(ref _deviceFlushes[(int)reason]);
        }
        catch (BlockException failure)
        {
            _failure = failure;
            throw;
        }
    }

    private bool MoreToFlush()
    {
        using MetadataScope scope = tables.Lock.Enter();
        bool refcounts = tables.RefcountCache.DirtyCount > 0 && !tables.Options.LazyRefcounts;
        return refcounts || tables.L2Cache.DirtyCount > 0 || tables.L1.IsDirty || tables.Quarantine.HasUnlinking;
    }

    private async ValueTask RunGenerationAsync(FlushReason reason, CancellationToken cancellation)
    {
        List<SliceWrite> refcounts;
        List<SliceWrite> l2;
        List<L1Write> l1;
        List<FreedRun> unlinked;
        using (MetadataScope scope = tables.Lock.Enter())
        {
            // Lazy refcounts stay in memory; those of new tables were written when the tables were made.
            refcounts = tables.Options.LazyRefcounts ? [] : tables.RefcountCache.TakeDirty(scope);
            l2 = tables.L2Cache.TakeDirty(scope);
            l1 = tables.L1.TakeDirty(scope);
            unlinked = tables.Quarantine.BeginFlush(scope);
            tables.Epochs.Advance();
        }

        bool succeeded = false;
        try
        {
            await WriteGenerationAsync(reason, refcounts, l1, l2, cancellation).ConfigureAwait(false);
            succeeded = true;
        }
        finally
        {
            using MetadataScope scope = tables.Lock.Enter();
            tables.Quarantine.EndFlush(scope, unlinked, succeeded);
        }

        await ReleaseQuarantineAsync(cancellation).ConfigureAwait(false);
    }

    private async ValueTask WriteGenerationAsync(
        FlushReason reason,
        List<SliceWrite> refcounts,
        List<L1Write> l1,
        List<SliceWrite> l2,
        CancellationToken cancellation)
    {
        bool links = l1.Count > 0 || l2.Count > 0;
        bool step1 = false;
        try
        {
            if (links && tables.Options.LazyRefcounts && !tables.Header.IsDirty)
                await setDirtyBit(IncompatibleFeatures.Dirty).ConfigureAwait(false);
            await WriteSlicesAsync(tables.RefcountCache, refcounts, OverlapChecks.RefcountBlock, cancellation)
                .ConfigureAwait(false);
            await RewriteUncertain(cancellation).ConfigureAwait(false);
            if (tables.Options.Obeys(OrderingRules.GatheredBeforeStable))
                await WriteGatheredAsync().ConfigureAwait(false);
            if (tables.Options.Obeys(OrderingRules.StableBeforeLinks) || !links)
                await SyncAsync(reason, cancellation).ConfigureAwait(false);
            step1 = true;
        }
        finally
        {
            if (!step1)
                GiveBack(l1, l2);
        }

        if (!links)
            return;
        try
        {
            await WriteL1Async(l1, cancellation).ConfigureAwait(false);
        }
        catch
        {
            GiveBack([], l2);
            throw;
        }

        await WriteSlicesAsync(tables.L2Cache, l2, OverlapChecks.ActiveL2, cancellation).ConfigureAwait(false);
        if (!tables.Options.Obeys(OrderingRules.GatheredBeforeStable))
            await WriteGatheredAsync().ConfigureAwait(false);
        if (tables.Options.Obeys(OrderingRules.LinksBeforeReturn))
            await SyncAsync(reason, cancellation).ConfigureAwait(false);
    }

    /// <summary>Everything that an entry in memory can point to is in the file afterwards.</summary>
    private ValueTask WriteGatheredAsync() => tables.CompressedCache?.FlushAsync() ?? default;

    private void GiveBack(List<L1Write> l1, List<SliceWrite> l2)
    {
        using MetadataScope scope = tables.Lock.Enter();
        foreach (L1Write write in l1)
            tables.L1.EndWrite(scope, write, success: false);
        foreach (SliceWrite write in l2)
            tables.L2Cache.EndWrite(scope, write, success: false);
    }

    private async ValueTask WriteL1Async(List<L1Write> writes, CancellationToken cancellation)
    {
        int done = 0;
        try
        {
            for (; done < writes.Count; done++)
            {
                L1Write write = writes[done];
                await tables.File.ReachAsync(BlockEvent.L1Update, cancellation).ConfigureAwait(false);
                CheckOverlap(write.Offset, write.Copy.LengthBytes, OverlapChecks.ActiveL1);
                await tables.File.WriteAsync(write.Offset.Value, write.Copy.Memory, default, cancellation)
                    .ConfigureAwait(false);
            }
        }
        finally
        {
            using MetadataScope scope = tables.Lock.Enter();
            for (int i = 0; i < writes.Count; i++)
                tables.L1.EndWrite(scope, writes[i], success: i < done);
        }
    }

    /// <summary>Writes slice copies, neighbours together.</summary>
    private async ValueTask WriteSlicesAsync(
        SliceCache cache, List<SliceWrite> writes, OverlapChecks kind, CancellationToken cancellation)
    {
        int done = 0;
        try
        {
            while (done < writes.Count)
            {
                int count = 1;
                while (done + count < writes.Count && count < 256 &&
                       writes[done + count].Offset - writes[done].Offset == (long)count * cache.SliceBytes)
                    count++;
                await tables.File
                    .ReachAsync(kind == OverlapChecks.ActiveL2 ? BlockEvent.L2Update : BlockEvent.RefblockUpdatePart,
                        cancellation)
                    .ConfigureAwait(false);
                CheckOverlap(writes[done].Offset, (long)count * cache.SliceBytes, kind);
                await tables.File.WriteAsync(writes[done].Offset.Value, Gather(
                    writes, done, count), default, cancellation).ConfigureAwait(false);
                done += count;
            }
        }
        finally
        {
            using MetadataScope scope = tables.Lock.Enter();
            for (int i = 0; i < writes.Count; i++)
                cache.EndWrite(scope, writes[i], success: i < done);
        }
    }

    private static IoVector Gather(List<SliceWrite> writes, int first, int count)
    {
        if (count == 1)
            return writes[first].Copy.Memory;
        var segments = new Memory<byte>[count];
        for (int i = 0; i < count; i++)
            segments[i] = writes[first + i].Copy.Memory;
        return new IoVector(segments);
    }

    private void CheckOverlap(HostOffset offset, long lengthBytes, OverlapChecks own)
    {
        using MetadataScope scope = tables.Lock.Enter();
        tables.Overlap.Check(scope, offset, lengthBytes, own);
    }

    /// <summary>Step 3: lets go what nothing on the device and no reader refers to.</summary>
    internal async ValueTask ReleaseQuarantineAsync(CancellationToken cancellation)
    {
        List<FreedRun> due;
        using (MetadataScope scope = tables.Lock.Enter())
            due = tables.Quarantine.TakeDue(scope);
        bool isReported = false;
        foreach (FreedRun run in due)
        {
            try
            {
                await Release.RunAsync(run, cancellation).ConfigureAwait(false);
            }
            catch (BlockException failure) when (failure is not CorruptionException)
            {
                // Counts that cannot be lowered stay too high: a leak, that a check finds. Nothing else depends on it.
                if (!isReported)
                    DiagnosticOutput.WriteLine($"qcow2_free_clusters failed: {Errno.Describe(failure.Errno)}");
                isReported = true;
                _releaseFailure = failure;
            }
        }
    }

    /// <summary>Why clusters stayed counted since this was last asked; null where none did.</summary>
    public BlockException? TakeReleaseFailure() => Interlocked.Exchange(ref _releaseFailure, null);

    /// <summary>Gives freed clusters back to the allocator.</summary>
    public QuarantineRelease Release { get; set; } = null!;
}
