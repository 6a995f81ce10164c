using Byre.Block.Errors;
using Byre.Block.Requests;
using Byre.Qcow2.Layout;

namespace Byre.Qcow2.Metadata;

/// <summary>
/// Provides what a transaction lacked: loads slices outside the lock, so that misses on different slices overlap and
/// the same slice is never read twice, and has <see cref="StructureWriter"/> create tables and blocks.
/// </summary>
internal sealed class MetadataLoader(ImageTables tables, FlushOrder flush)
{
    /// <summary>Creates tables and blocks; set by the node.</summary>
    public StructureWriter Structure { get; set; } = null!;

    /// <summary>Provides <paramref name="miss"/>; loaded slices stay pinned in <paramref name="pins"/>.</summary>
    public ValueTask ProvideAsync(MetadataMiss miss, PinSet pins, CancellationToken cancellation) => miss.Kind switch
    {
        MissKind.L2Slice => LoadAsync(tables.L2Cache, miss, pins, LoadPurpose.Change, cancellation),
        MissKind.RefcountSlice => LoadAsync(tables.RefcountCache, miss, pins, LoadPurpose.Change, cancellation),
        MissKind.RefcountBlock => Structure.CreateRefcountBlockAsync(new HostCluster(miss.Where), cancellation),
        MissKind.L2Table => Structure.CreateL2TableAsync(miss.Where, cancellation),
        _ => default,
    };

    /// <summary>
    /// Provides an L2 slice for a read, as for any look-up. Where changes cannot be written to make room for it, it
    /// gets room of its own: on a device that is full or has failed, reading goes on.
    /// </summary>
    public ValueTask ProvideForReadAsync(MetadataMiss miss, PinSet pins, CancellationToken cancellation) =>
        LoadAsync(tables.L2Cache, miss, pins, LoadPurpose.Read, cancellation);

    /// <summary>
    /// Provides an L2 slice for a look-up that changes nothing in it: it does not wait for a flush that runs.
    /// </summary>
    public ValueTask ProvideForLookUpAsync(MetadataMiss miss, PinSet pins, CancellationToken cancellation) =>
        LoadAsync(tables.L2Cache, miss, pins, LoadPurpose.LookUp, cancellation);

    /// <summary>Loads a refcount slice while the flush holds its mutex.</summary>
    public ValueTask LoadInsideFlushAsync(MetadataMiss miss, PinSet pins, CancellationToken cancellation) =>
        LoadAsync(tables.RefcountCache, miss, pins, LoadPurpose.Flush, cancellation);

    private async ValueTask LoadAsync(
        SliceCache cache, MetadataMiss miss, PinSet pins, LoadPurpose purpose, CancellationToken cancellation)
    {
        bool mayBorrow = false;
        var slice = new HostOffset(miss.Where);
        while (true)
        {
            LoadClaim claim;
            int index;
            Task? waiter;
            using (MetadataScope scope = tables.Lock.Enter())
                claim = cache.BeginLoad(scope, slice, mayBorrow, out index, out waiter);
            switch (claim)
            {
                case LoadClaim.Ready:
                    pins.Add(cache, index);
                    return;
                case LoadClaim.Wait:
                    await waiter!.ConfigureAwait(false);
                    break;
                case LoadClaim.Full when flush.IsRunning && purpose is (LoadPurpose.Read or LoadPurpose.LookUp):
                    // What is being written cannot be evicted yet, but soon.
                    mayBorrow = true;
                    break;
                case LoadClaim.Full:
                    try
                    {
                        await MakeRoomAsync(miss.Kind, purpose, cancellation).ConfigureAwait(false);
                    }
                    catch (BlockException failure)
                        when (purpose == LoadPurpose.Read && failure is not CorruptionException)
                    {
                        // What is dirty stays so: whoever flushes it is told.
                        mayBorrow = true;
                    }

                    break;
                default:
                    await ReadAsync(cache, slice, index, miss.Kind, cancellation).ConfigureAwait(false);
                    pins.Add(cache, index);
                    return;
            }
        }
    }

    private async ValueTask ReadAsync(
        SliceCache cache, HostOffset slice, int index, MissKind kind, CancellationToken cancellation)
    {
        if (tables.Options.BudgetBytes is not null)
            tables.Options.Budget.NoteMiss();
        bool success = false;
        try
        {
            if (kind == MissKind.L2Slice)
                await tables.File.ReachAsync(BlockEvent.L2Load, cancellation).ConfigureAwait(false);
            await tables.File.ReadAsync(slice.Value, cache.LoadingMemory(index), cancellation).ConfigureAwait(false);
            success = true;
        }
        finally
        {
            using MetadataScope scope = tables.Lock.Enter();
            cache.EndLoad(scope, index, success);
        }
    }

    private async ValueTask MakeRoomAsync(MissKind kind, LoadPurpose purpose, CancellationToken cancellation)
    {
        if (purpose == LoadPurpose.Flush)
            await flush.WriteBackRefcountsCoreAsync(cancellation).ConfigureAwait(false);
        else if (kind == MissKind.RefcountSlice)
            await flush.WriteBackRefcountsAsync(cancellation).ConfigureAwait(false);
        else
            await flush.FlushAsync(FlushReason.CacheRoom, cancellation).ConfigureAwait(false);
    }

    /// <summary>What a slice is loaded for.</summary>
    private enum LoadPurpose
    {
        Read,

        /// <summary>To look something up, for another request than a read.</summary>
        LookUp,

        Change,

        /// <summary>For the flush that runs, which holds its mutex.</summary>
        Flush,
    }
}
