using Byre.Block.Buffers;
using Byre.Block.Errors;
using Byre.Block.Requests;
using Byre.Block.Threading;
using Byre.Qcow2.Layout;
using Byre.Qcow2.Metadata;
using Byre.Qcow2.WriteCache;

namespace Byre.Qcow2.Io;

/// <content>Compressed writes: whole clusters, packed byte by byte behind each other.</content>
internal sealed partial class Qcow2Node
{
    /// <inheritdoc/>
    public int CompressedUnitBytes => _geometry.ClusterSize;

    /// <inheritdoc/>
    public int Compress(ReadOnlySpan<byte> cluster, Span<byte> destination)
    {
        if (cluster.Length == _geometry.ClusterSize)
            return Math.Max(Codec.Compress(cluster, destination), 0);
        IoBuffer padded = IoBufferPool.Shared.RentZeroed(_geometry.ClusterSize);
        try
        {
            cluster.CopyTo(padded.Span);
            return Math.Max(Codec.Compress(padded.Span, destination), 0);
        }
        finally
        {
            padded.Return();
        }
    }

    /// <inheritdoc/>
    public async ValueTask WriteCompressedAsync(
        long offset, int lengthBytes, ReadOnlyMemory<byte> compressed, CancellationToken cancellation = default)
    {
        ThrowIfNotWritable();
        CheckCompressedRange(offset, lengthBytes);
        try
        {
            await StoreCompressedAsync(new GuestOffset(offset), compressed, cancellation).ConfigureAwait(false);
        }
        catch (CorruptionException corruption)
        {
            throw await SignalCorruptionAsync(corruption).ConfigureAwait(false);
        }
    }

    private void CheckCompressedRange(long offset, long lengthBytes)
    {
        if (_tables.HasDataFile)
            throw BlockException.FromErrno(Errno.NotSupported);
        bool wholeClusters = _geometry.IsClusterAligned(lengthBytes) || offset + lengthBytes == _virtualSizeBytes;
        if (!_geometry.IsClusterAligned(offset) || !wholeClusters)
            throw BlockException.FromErrno(Errno.Invalid);
    }

    private async ValueTask WriteCompressedRequestAsync(long offset, IoVector source, CancellationToken cancellation)
    {
        CheckCompressedRange(offset, source.Length);
        // One cluster on a thread that may wait is compressed here; more of them side by side, ahead of their storing.
        bool isInline = source.Length <= _geometry.ClusterSize && !SubmissionThread.MustNotBlock;
        var ahead = new Queue<PackedCluster>();
        long begun = 0;
        try
        {
            for (long done = 0; done < source.Length; done += _geometry.ClusterSize)
            {
                while (begun < source.Length && ahead.Count <= Environment.ProcessorCount)
                {
                    long length = Math.Min(_geometry.ClusterSize, source.Length - begun);
                    var packing = new PackedCluster(source.Slice(new ByteRange(begun, length)), _geometry.ClusterSize);
                    ahead.Enqueue(packing);
                    packing.Begin(this, isInline ? null : _tables.Options.Scheduler);
                    begun += length;
                }

                PackedCluster packed = ahead.Peek();
                await packed.Done.ConfigureAwait(false);
                var guest = new GuestOffset(offset + done);
                if (packed.Packed.IsEmpty)
                    await WriteGuestAsync(guest, packed.Plain, cancellation).ConfigureAwait(false);
                else
                    await StoreCompressedAsync(guest, packed.Packed, cancellation).ConfigureAwait(false);
                ahead.Dequeue().Return();
            }
        }
        finally
        {
            // The source is the caller's again when this ends.
            foreach (PackedCluster packed in ahead)
            {
                await packed.Done.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                packed.Return();
            }
        }
    }

    /// <summary>Allocates room for one compressed cluster, writes it, and has the entry point to it.</summary>
    private async ValueTask StoreCompressedAsync(
        GuestOffset guest, ReadOnlyMemory<byte> compressed, CancellationToken cancellation)
    {
        using RangeLease lease = await _tracker
            .AcquireAsync(new ByteRange(guest.Value, _geometry.ClusterSize), LeaseKind.Exclusive).ConfigureAwait(false);
        var first = new ByteRange(guest.Value, 1);
        ThrowIfCutOff(first);
        await SettleUnderLeaseAsync(first, cancellation).ConfigureAwait(false);
        // Before more is taken, what could not be written is tried again: it has no room, or nobody was told yet.
        if (_tables.CompressedCache is { } cache)
            await cache.RetryAsync().ConfigureAwait(false);
        (L2Slot slot, HostOffset host) = await ReserveCompressedAsync(guest, compressed.Length, cancellation)
            .ConfigureAwait(false);
        bool written = false;
        try
        {
            await StoreAtAsync(host, compressed, cancellation).ConfigureAwait(false);
            written = true;
        }
        finally
        {
            using MetadataScope scope = _tables.Lock.Enter();
            if (written)
            {
                L2Entry old = _tables.Map.Read(scope, slot);
                ulong word = CompressedDescriptor.Encode(host, compressed.Length, _geometry);
                _tables.Map.Write(scope, slot, L2Entry.Standard(word));
                FreeOldCluster(scope, old, DiscardReason.Never);
            }
            else
            {
                _tables.Quarantine.Free(scope, host, compressed.Length, DiscardReason.Never);
            }

            _tables.L2Cache.Unpin(scope, slot.Slice);
        }

        await _file.ReachAsync(BlockEvent.L2UpdateCompressed, cancellation).ConfigureAwait(false);
        await RelieveQuarantineAsync(cancellation).ConfigureAwait(false);
    }

    /// <summary>Hands compressed data to the cache, or where there is none writes it where it belongs.</summary>
    private async ValueTask StoreAtAsync(
        HostOffset host, ReadOnlyMemory<byte> compressed, CancellationToken cancellation)
    {
        ClusterWriteCache? cache = _tables.CompressedCache;
        bool isAnnounced = cache is not null;
        try
        {
            await _file.ReachAsync(BlockEvent.ClusterAllocBytes, cancellation).ConfigureAwait(false);
            isAnnounced = false;
            if (cache is not null)
            {
                await cache.StoreAsync(host.Value, compressed.Span).ConfigureAwait(false);
                return;
            }
        }
        finally
        {
            if (isAnnounced)
                cache!.Skip(host.Value, compressed.Length);
        }

        IoBuffer bytes = IoBufferPool.Shared.Rent(compressed.Length);
        try
        {
            compressed.Span.CopyTo(bytes.Span);
            await _file.ReachAsync(BlockEvent.WriteCompressed, cancellation).ConfigureAwait(false);
            await _file.WriteAsync(host.Value, bytes.Memory, RequestFlags.None, cancellation).ConfigureAwait(false);
        }
        finally
        {
            bytes.Return();
        }
    }

    private async ValueTask<(L2Slot Slot, HostOffset Host)> ReserveCompressedAsync(
        GuestOffset guest, int bytes, CancellationToken cancellation)
    {
        using var pins = new PinSet(_tables);
        while (true)
        {
            MetadataMiss miss;
            using (MetadataScope scope = _tables.Lock.Enter())
            {
                if (_tables.Map.HasOwnTable(scope, guest, out miss) &&
                    _tables.Map.TryFindSlot(scope, guest, out L2Slot slot, out miss))
                {
                    // As the peer: compressed data never replaces anything that is there.
                    if ((_tables.Map.Read(scope, slot).Word & L2Entry.OffsetMask) != 0)
                        throw BlockException.FromErrno(Errno.InputOutput);
                    if (_tables.Allocator.TryAllocateBytes(scope, bytes, out HostOffset host, out miss))
                    {
                        _tables.Overlap.Check(scope, host, bytes, OverlapChecks.None);
                        _tables.L2Cache.Pin(scope, slot.Slice);
                        return (slot, host);
                    }
                }
            }

            await _loader.ProvideAsync(miss, pins, cancellation).ConfigureAwait(false);
        }
    }
}
