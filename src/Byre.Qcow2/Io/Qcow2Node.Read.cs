using Byre.Block.Buffers;
using Byre.Block.Errors;
using Byre.Block.Requests;
using Byre.Qcow2.Layout;
using Byre.Qcow2.Metadata;

namespace Byre.Qcow2.Io;

/// <content>Reads: one look-up and one read of the file for each run of adjacent host clusters.</content>
internal sealed partial class Qcow2Node
{
    private const int MaxReadsInFlight = 8;

    /// <inheritdoc/>
    protected override async ValueTask ReadCoreAsync(
        long offset, IoVector destination, CancellationToken cancellation)
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
        List<Task>? pending = null;
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
                if (read.IsCompletedSuccessfully)
                    continue;
                if (pending is null && done == destination.Length)
                {
                    // Nothing to overlap with: the usual small read.
                    await read.ConfigureAwait(false);
                    break;
                }

                pending ??= [];
                pending.Add(read.AsTask());
                if (pending.Count < MaxReadsInFlight)
                    continue;
                await Task.WhenAll(pending).ConfigureAwait(false);
                pending.Clear();
            }
        }
        finally
        {
            pins?.Dispose();
            // Buffers are the caller's until every part has ended, also after a failure.
            if (pending is { Count: > 0 })
                await Task.WhenAll(pending).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (epoch >= 0)
                _tables.Epochs.Leave(epoch);
        }

        if (pending is { Count: > 0 })
            await Task.WhenAll(pending).ConfigureAwait(false);
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

    private async ValueTask ReadDataAsync(HostOffset host, IoVector destination, CancellationToken cancellation)
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
            await _file.ReadAsync(descriptor.Offset.Value, compressed.Memory, cancellation).ConfigureAwait(false);
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
}
