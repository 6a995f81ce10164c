using System.Runtime.CompilerServices;
using Byre.Block.Buffers;
using Byre.Block.Errors;
using Byre.Block.Requests;
using Byre.Qcow2.Layout;
using Byre.Qcow2.Metadata;

namespace Byre.Qcow2.Io;

/// <content>Reads: one look-up and one read of the file for each run of adjacent host clusters.</content>
internal sealed partial class Qcow2Node
{
    /// <inheritdoc/>
    protected override ValueTask ReadCoreAsync(
        long offset, IoVector destination, CancellationToken cancellation)
    {
        if (_gathered is { IsEmpty: false } gathered &&
            gathered.Capture(new ByteRange(offset, destination.Length)) is { } held)
            return ReadGatheredAsync(held, offset, destination, cancellation);
        var guest = new GuestOffset(offset);
        if (_isUnusable || destination.Length > _virtualSizeBytes - offset ||
            !TryLookUpForRead(guest, destination.Length, out ClusterMapping mapping, out long epoch))
            return ReadPiecewiseAsync(offset, destination, cancellation);

        // One run, known already: the usual small read, without a state machine of its own.
        ValueTask read = ReadMappingAsync(mapping, guest, destination, cancellation);
        if (!read.IsCompletedSuccessfully)
            return FinishReadAsync(read, epoch);
        _tables.Epochs.Leave(epoch);
        return default;
    }

    /// <summary>Enters an epoch where one run that needs no loading is all; else nothing has changed.</summary>
    private bool TryLookUpForRead(GuestOffset guest, long lengthBytes, out ClusterMapping mapping, out long epoch)
    {
        epoch = -1;
        try
        {
            using MetadataScope scope = _tables.Lock.Enter();
            if (!_tables.Map.TryLookup(scope, guest, lengthBytes, out mapping, out _) ||
                mapping.LengthBytes != lengthBytes)
                return false;
            epoch = _tables.Epochs.Enter(scope);
            return true;
        }
        catch (CorruptionException)
        {
            // The long way meets it again, and can wait until the image is marked.
            mapping = default;
            return false;
        }
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    private async ValueTask FinishReadAsync(ValueTask read, long epoch)
    {
        try
        {
            await read.ConfigureAwait(false);
        }
        catch (CorruptionException corruption)
        {
            throw await SignalCorruptionAsync(corruption).ConfigureAwait(false);
        }
        finally
        {
            _tables.Epochs.Leave(epoch);
        }
    }

    private async ValueTask ReadPiecewiseAsync(long offset, IoVector destination, CancellationToken cancellation)
    {
        long inside = Math.Clamp(_virtualSizeBytes - offset, 0, destination.Length);
        if (inside < destination.Length)
        {
            destination.From(inside).Clear();
            destination = destination.Slice(new ByteRange(0, inside));
        }

        if (inside == 0)
            return;
        try
        {
            await ReadGuestAsync(new GuestOffset(offset), destination, cancellation).ConfigureAwait(false);
        }
        catch (CorruptionException corruption)
        {
            throw await SignalCorruptionAsync(corruption).ConfigureAwait(false);
        }
    }

    /// <inheritdoc/>
    public override async ValueTask LoadVmStateAsync(
        long position, IoVector destination, CancellationToken cancellation = default)
    {
        await _file.ReachAsync(BlockEvent.VmstateLoad, cancellation).ConfigureAwait(false);
        try
        {
            await ReadGuestAsync(new GuestOffset(VmStateOffset + position), destination, cancellation)
                .ConfigureAwait(false);
        }
        catch (CorruptionException corruption)
        {
            throw await SignalCorruptionAsync(corruption).ConfigureAwait(false);
        }
    }

    /// <summary>Reads guest bytes, also beyond the virtual size (the vm state).</summary>
    internal async ValueTask ReadGuestAsync(GuestOffset guest, IoVector destination, CancellationToken cancellation)
    {
        ThrowIfUnusable();
        long epoch = -1;
        SubRequests parts = default;
        PinSet? pins = null;
        try
        {
            long done = 0;
            while (done < destination.Length)
            {
                MetadataMiss miss;
                ClusterMapping mapping;
                using (MetadataScope scope = _tables.Lock.Enter())
                {
                    if (epoch < 0)
                        epoch = _tables.Epochs.Enter(scope);
                    _tables.Map.TryLookup(scope, guest + done, destination.Length - done, out mapping, out miss);
                }

                if (!miss.IsNone)
                {
                    await _loader.ProvideForReadAsync(miss, pins ??= new PinSet(_tables), cancellation)
                        .ConfigureAwait(false);
                    continue;
                }

                pins?.Release();
                IoVector part = destination.Slice(new ByteRange(done, mapping.LengthBytes));
                ValueTask read = ReadMappingAsync(mapping, guest + done, part, cancellation);
                done += mapping.LengthBytes;
                await parts.AddAsync(read, isLast: done == destination.Length).ConfigureAwait(false);
            }

            await parts.WhenAllEnd();
        }
        finally
        {
            pins?.Dispose();
            await parts.WhenAllEndAnyhow();
            if (epoch >= 0)
                _tables.Epochs.Leave(epoch);
        }
    }

    private ValueTask ReadMappingAsync(
        ClusterMapping mapping, GuestOffset guest, IoVector destination, CancellationToken cancellation)
    {
        switch (mapping.Type)
        {
            case SubclusterType.Normal:
                return ReadDataAsync(mapping.Host, destination, cancellation);
            case SubclusterType.Compressed:
                return ReadCompressedAsync(mapping.CompressedWord, guest, destination, cancellation);
            case SubclusterType.UnallocatedPlain or SubclusterType.UnallocatedAllocated when _backing is not null:
                return ReadBackingAsync(_backing, guest, destination, cancellation);
            default:
                destination.Clear();
                return default;
        }
    }

    private ValueTask ReadDataAsync(HostOffset host, IoVector destination, CancellationToken cancellation)
    {
        if (_data.WantsEvents)
            return ReachAndReadDataAsync(host, destination, cancellation);
        try
        {
            return _data.ReadAsync(host.Value, destination, cancellation);
        }
        catch (BlockException failure)
        {
            return ValueTask.FromException(failure);
        }
    }

    private async ValueTask ReachAndReadDataAsync(
        HostOffset host, IoVector destination, CancellationToken cancellation)
    {
        await _data.ReachAsync(BlockEvent.ReadAio, cancellation).ConfigureAwait(false);
        await _data.ReadAsync(host.Value, destination, cancellation).ConfigureAwait(false);
    }

    private async ValueTask ReadBackingAsync(
        Byre.Block.Graph.BlockNode backing, GuestOffset guest, IoVector destination, CancellationToken cancellation)
    {
        // A backing file may be shorter: what lies beyond its end reads as zeroes.
        long inside = Math.Clamp(backing.LengthBytes - guest.Value, 0, destination.Length);
        destination.From(inside).Clear();
        if (inside == 0)
            return;
        await _file.ReachAsync(BlockEvent.ReadBackingAio, cancellation).ConfigureAwait(false);
        await backing.ReadAsync(guest.Value, destination.Slice(new ByteRange(0, inside)), cancellation)
            .ConfigureAwait(false);
    }

    private async ValueTask ReadCompressedAsync(
        ulong word, GuestOffset guest, IoVector destination, CancellationToken cancellation)
    {
        CompressedDescriptor descriptor = CompressedDescriptor.Decode(word, _geometry);
        IoBuffer compressed = IoBufferPool.Shared.Rent(descriptor.LengthBytes);
        IoBuffer? cluster = null;
        try
        {
            await _file.ReachAsync(BlockEvent.ReadCompressed, cancellation).ConfigureAwait(false);
            await ReadPackedAsync(descriptor.Offset.Value, compressed.Memory, cancellation).ConfigureAwait(false);
            if (destination.Length == _geometry.ClusterSize && destination.IsSingle)
            {
                Codec.Decompress(compressed.Span, destination.Single.Span);
                return;
            }

            cluster = IoBufferPool.Shared.Rent(_geometry.ClusterSize);
            Codec.Decompress(compressed.Span, cluster.Span);
            destination.CopyFrom(cluster.Span[_geometry.OffsetInCluster(guest.Value)..]);
        }
        finally
        {
            compressed.Return();
            cluster?.Return();
        }
    }

    /// <summary>
    /// Reads compressed data, which may reach into a second cluster, from the cache or from the file.
    /// </summary>
    private async ValueTask ReadPackedAsync(long offset, Memory<byte> destination, CancellationToken cancellation)
    {
        if (_tables.CompressedCache is not { IsEmpty: false } cache)
        {
            await _file.ReadAsync(offset, destination, cancellation).ConfigureAwait(false);
            return;
        }

        while (!destination.IsEmpty)
        {
            int count = Math.Min(destination.Length, _geometry.ClusterSize - _geometry.OffsetInCluster(offset));
            if (!cache.TryRead(offset, destination.Span[..count]))
                await _file.ReadAsync(offset, destination[..count], cancellation).ConfigureAwait(false);
            offset += count;
            destination = destination[count..];
        }
    }
}
