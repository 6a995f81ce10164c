using Byre.Block.Buffers;
using Byre.Block.Errors;
using Byre.Block.Requests;
using Byre.Qcow2.Layout;
using Byre.Qcow2.Metadata;
using Byre.Qcow2.WriteCache;

namespace Byre.Qcow2.Io;

/// <content>
/// The data cache (the option <c>data-cache-size</c>): small writes that follow each other into clusters that are not
/// allocated yet are gathered until a cluster is whole. A flush writes out what is held, and so does, for its range,
/// every request that changes a mapping or asks for one; a read sees it.
/// </content>
internal sealed partial class Qcow2Node
{
    private GuestWriteCache? _gathered;
    private ITimer? _gatherTimer;
    private Task _ageing = Task.CompletedTask;

    /// <summary>Begins to gather where the options say so. Nothing is held yet, or no more.</summary>
    private void StartDataCache()
    {
        MetadataOptions options = _tables.Options;
        _gathered?.Dispose();
        _gathered = options.DataCacheClusters == 0
            ? null
            : new GuestWriteCache(_geometry.ClusterSize, options.DataCacheClusters, options.Clock);
        _gatherTimer?.Dispose();
        _gatherTimer = _gathered is null || options.DataCacheAge == TimeSpan.Zero
            ? null
            : options.Clock.CreateTimer(
                static state => ((Qcow2Node)state!).Age(), this, options.DataCacheAge, options.DataCacheAge);
    }

    /// <summary>Ends the work in the background; what is held stays.</summary>
    private async ValueTask StopAgeingAsync()
    {
        if (_gatherTimer is { } timer)
            await timer.DisposeAsync().ConfigureAwait(false);
        await _ageing.ConfigureAwait(false);
    }

    private async ValueTask WriteSmallAsync(
        GuestWriteCache gathered, GuestOffset guest, IoVector source, CancellationToken cancellation)
    {
        for (long done = 0; done < source.Length;)
        {
            GuestOffset at = guest + done;
            long length = Math.Min(
                source.Length - done, _geometry.ClusterSize - _geometry.OffsetInCluster(at.Value));
            IoVector piece = source.Slice(new ByteRange(done, length));
            if (!await TryGatherAsync(gathered, at, piece, cancellation).ConfigureAwait(false))
                await WriteGuestAsync(at, piece, cancellation).ConfigureAwait(false);
            done += length;
        }
    }

    /// <summary>Keeps a part of one cluster; false, with nothing done, where it has to be written.</summary>
    private async ValueTask<bool> TryGatherAsync(
        GuestWriteCache gathered, GuestOffset guest, IoVector piece, CancellationToken cancellation)
    {
        var range = new ByteRange(guest.Value, piece.Length);
        if (!gathered.Wants(range))
            return false;
        long cluster = guest.Value >> _geometry.ClusterBits;
        while (gathered.IsFull && !gathered.Holds(cluster) && gathered.Oldest() is { } oldest)
            await WriteOutAsync(gathered, oldest, cancellation).ConfigureAwait(false);

        ByteRange whole = range.AlignOutward(_geometry.ClusterSize);
        int wholeBytes = (int)(Math.Min(whole.End, _virtualSizeBytes) - whole.Offset);
        using RangeLease lease = await _tracker.AcquireAsync(whole, LeaseKind.Exclusive).ConfigureAwait(false);
        ThrowIfCutOff(range);
        if (!gathered.Holds(cluster))
        {
            ClusterMapping mapping = await LookUpAsync(new GuestOffset(whole.Offset), wholeBytes, cancellation)
                .ConfigureAwait(false);
            bool isNew = mapping.Type is SubclusterType.UnallocatedPlain or SubclusterType.ZeroPlain &&
                mapping.LengthBytes >= wholeBytes;
            if (!isNew)
                return false;
        }

        if (gathered.Store(guest.Value, piece, wholeBytes))
            await WriteOutUnderLeaseAsync(gathered, cluster, cancellation).ConfigureAwait(false);
        return true;
    }

    /// <summary>Writes out what is held of a range, for a caller that holds an exclusive lease on its
    /// clusters.</summary>
    internal async ValueTask SettleUnderLeaseAsync(ByteRange range, CancellationToken cancellation)
    {
        if (_gathered is not { IsEmpty: false } gathered)
            return;
        foreach (long cluster in gathered.ClustersIn(range))
            await WriteOutUnderLeaseAsync(gathered, cluster, cancellation).ConfigureAwait(false);
    }

    /// <summary>Writes out what is held of a range; of everything for a flush.</summary>
    private async ValueTask SettleAsync(ByteRange range, CancellationToken cancellation)
    {
        if (_gathered is not { IsEmpty: false } gathered)
            return;
        foreach (long cluster in gathered.ClustersIn(range))
            await WriteOutAsync(gathered, cluster, cancellation).ConfigureAwait(false);
        await RelieveQuarantineAsync(cancellation).ConfigureAwait(false);
    }

    private ValueTask SettleAllAsync(CancellationToken cancellation) =>
        SettleAsync(new ByteRange(0, long.MaxValue), cancellation);

    private async ValueTask WriteOutAsync(GuestWriteCache gathered, long cluster, CancellationToken cancellation)
    {
        var range = new ByteRange(cluster << _geometry.ClusterBits, _geometry.ClusterSize);
        using RangeLease lease = await _tracker.AcquireAsync(range, LeaseKind.Exclusive).ConfigureAwait(false);
        await WriteOutUnderLeaseAsync(gathered, cluster, cancellation).ConfigureAwait(false);
    }

    // What cannot be written stays held: whoever tries next is told, a flush at last.
    private async ValueTask WriteOutUnderLeaseAsync(
        GuestWriteCache gathered, long cluster, CancellationToken cancellation)
    {
        (long Offset, Memory<byte> Bytes)[] parts = gathered.PartsOf(cluster);
        foreach ((long offset, Memory<byte> bytes) in parts)
            await WriteUnderLeaseAsync(new GuestOffset(offset), bytes, cancellation).ConfigureAwait(false);
        bool isWhole = parts is [{ Bytes.Length: var length }] && length == _geometry.ClusterSize;
        gathered.Remove(cluster, parts.Length, isWhole);
    }

    private async ValueTask ReadGatheredAsync(
        List<(long Offset, byte[] Bytes)> held, long offset, IoVector destination, CancellationToken cancellation)
    {
        bool isAll = held is [{ Bytes.Length: var length }] && length == destination.Length;
        if (!isAll)
            await ReadPiecewiseAsync(offset, destination, cancellation).ConfigureAwait(false);
        foreach ((long start, byte[] bytes) in held)
            destination.Slice(new ByteRange(start - offset, bytes.Length)).CopyFrom(bytes);
    }

    private void Age()
    {
        if (_ageing.IsCompleted && _gathered is { IsEmpty: false } gathered)
            _ageing = WriteOutOldAsync(gathered);
    }

    private async Task WriteOutOldAsync(GuestWriteCache gathered)
    {
        try
        {
            foreach (long cluster in gathered.ClustersOlderThan(_tables.Options.DataCacheAge))
                await WriteOutAsync(gathered, cluster, CancellationToken.None).ConfigureAwait(false);
        }
        catch (CorruptionException corruption)
        {
            _ = await SignalCorruptionAsync(corruption).ConfigureAwait(false);
        }
        catch (BlockException)
        {
            // It stays held, and the next flush is told.
        }
    }
}
