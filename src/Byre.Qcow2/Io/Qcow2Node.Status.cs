using Byre.Block.Graph;
using Byre.Block.Requests;
using Byre.Qcow2.Layout;
using Byre.Qcow2.Metadata;

namespace Byre.Qcow2.Io;

/// <content>Block status: what the tables say, and whether the file below may know of holes in it.</content>
internal sealed partial class Qcow2Node
{
    private bool? _isMetadataPreallocated;

    /// <summary>Where the vm state begins in the guest address space, in bytes.</summary>
    internal long VmStateOffset => _geometry.L1EntriesFor(_virtualSizeBytes) << _geometry.L1Shift;

    /// <inheritdoc/>
    protected override ValueTask<BlockExtent> GetStatusCoreAsync(ByteRange range, CancellationToken cancellation)
    {
        // The answer is in the cache for all but the first entry of a slice.
        long length = Math.Min(_virtualSizeBytes - range.Offset, range.Length);
        if (length > 0 && _gathered is null && _isMetadataPreallocated is not null && !_isUnusable && TryLookUp(
            new GuestOffset(range.Offset), length, out ClusterMapping mapping))
            return new(ToExtent(range.Offset, mapping));
        return FindStatusAsync(range, cancellation);
    }

    private bool TryLookUp(GuestOffset guest, long maxBytes, out ClusterMapping mapping)
    {
        using MetadataScope scope = _tables.Lock.Enter();
        try
        {
            return _tables.Map.TryLookup(scope, guest, maxBytes, out mapping, out _);
        }
        catch (CorruptionException)
        {
            // Found again where it can be reported.
            mapping = default;
            return false;
        }
    }

    private async ValueTask<BlockExtent> FindStatusAsync(ByteRange range, CancellationToken cancellation)
    {
        long length = Math.Clamp(_virtualSizeBytes - range.Offset, 0, range.Length);
        if (length == 0)
            return new BlockExtent { Range = range, Status = BlockStatus.Zero | BlockStatus.EndOfFile };
        ThrowIfUnusable();
        try
        {
            await SettleAsync(new ByteRange(range.Offset, length), cancellation).ConfigureAwait(false);
            _isMetadataPreallocated ??= await DetectMetadataPreallocationAsync(cancellation).ConfigureAwait(false);
            ClusterMapping mapping = await LookUpAsync(new GuestOffset(range.Offset), length, cancellation)
                .ConfigureAwait(false);
            return ToExtent(range.Offset, mapping);
        }
        catch (CorruptionException corruption)
        {
            throw await SignalCorruptionAsync(corruption).ConfigureAwait(false);
        }
    }

    /// <summary>Looks one run up, loading what is missing.</summary>
    internal async ValueTask<ClusterMapping> LookUpAsync(
        GuestOffset guest, long maxBytes, CancellationToken cancellation)
    {
        PinSet? pins = null;
        try
        {
            while (true)
            {
                MetadataMiss miss;
                using (MetadataScope scope = _tables.Lock.Enter())
                {
                    if (_tables.Map.TryLookup(scope, guest, maxBytes, out ClusterMapping mapping, out miss))
                        return mapping;
                }

                await _loader.ProvideForLookUpAsync(miss, pins ??= new PinSet(_tables), cancellation)
                    .ConfigureAwait(false);
            }
        }
        finally
        {
            pins?.Dispose();
        }
    }

    private BlockExtent ToExtent(long offset, ClusterMapping mapping)
    {
        BlockStatus status = mapping.Type switch
        {
            SubclusterType.Normal => BlockStatus.Data | BlockStatus.Allocated,
            SubclusterType.Compressed => BlockStatus.Data | BlockStatus.Compressed | BlockStatus.Allocated,
            SubclusterType.ZeroPlain or SubclusterType.ZeroAllocated => BlockStatus.Zero | BlockStatus.Allocated,
            _ => BlockStatus.None,
        };
        if (mapping.HasHost)
            status |= BlockStatus.OffsetValid;
        if (mapping.Type == SubclusterType.Normal && _isMetadataPreallocated == true)
            status |= BlockStatus.Recurse;

        long length = mapping.LengthBytes;
        if (mapping.IsUnallocated)
        {
            long backingBytes = _backing?.LengthBytes ?? 0;
            if (offset >= backingBytes)
                status |= BlockStatus.Zero;
            else
                length = Math.Min(length, backingBytes - offset);
        }

        if (offset + length == _virtualSizeBytes)
            status |= BlockStatus.EndOfFile;
        return new BlockExtent
        {
            Range = new ByteRange(offset, length),
            Status = status,
            HostOffset = mapping.HasHost ? mapping.Host.Value : 0,
            HostNode = mapping.HasHost ? _data : null,
        };
    }

    /// <summary>
    /// Tells whether the file holds much less than its refcounts say: then clusters were allocated without being
    /// written, and the file system knows which.
    /// </summary>
    private async ValueTask<bool> DetectMetadataPreallocationAsync(CancellationToken cancellation)
    {
        if (await _file.GetAllocatedBytesAsync(cancellation).ConfigureAwait(false) is not { } allocated)
            return false;
        long real = allocated >> _geometry.ClusterBits;
        long threshold = Math.Max(real * 10 / 9, real + 2);
        long end = _geometry.ClustersFor(_file.LengthBytes);
        long counted = 0;
        using var pins = new PinSet(_tables);
        for (long index = 0; index < end && counted < threshold;)
        {
            MetadataMiss miss;
            using (MetadataScope scope = _tables.Lock.Enter())
            {
                _tables.Refcounts.TryCountUsed(scope, new HostCluster(index), out long used, out miss);
                used = Math.Min(used, end - index);
                counted += used;
                index += used;
                if (miss.IsNone && index < end)
                {
                    _tables.Refcounts.TryCountFree(scope, new HostCluster(index), end - index, out long free, out miss);
                    index += free;
                }
            }

            if (!miss.IsNone)
                await _loader.ProvideAsync(miss, pins, cancellation).ConfigureAwait(false);
        }

        return counted >= threshold;
    }
}
