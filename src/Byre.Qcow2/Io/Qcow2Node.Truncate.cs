using Byre.Block.Buffers;
using Byre.Block.Errors;
using Byre.Block.Requests;
using Byre.Qcow2.Amend;
using Byre.Qcow2.Layout;
using Byre.Qcow2.Metadata;

namespace Byre.Qcow2.Io;

/// <content>Resizing and preallocation.</content>
internal sealed partial class Qcow2Node
{
    /// <inheritdoc/>
    protected override async ValueTask TruncateCoreAsync(TruncateRequest request, CancellationToken cancellation)
    {
        ThrowIfNotWritable();
        try
        {
            await new ImageResizer(this).RunAsync(request, cancellation).ConfigureAwait(false);
        }
        catch (CorruptionException corruption)
        {
            throw await SignalCorruptionAsync(corruption).ConfigureAwait(false);
        }
    }

    /// <summary>The header tells a new virtual size.</summary>
    internal void NoteVirtualSize(long bytes)
    {
        _virtualSizeBytes = bytes;
        _tables.FitCacheTo(bytes);
    }

    /// <summary>
    /// Allocates clusters for a range that has none, in order, and links them unwritten; with falloc and full their
    /// space is reserved or written. The L1 table must be large enough; the caller holds a lease, or the image is new.
    /// </summary>
    internal async ValueTask PreallocateAsync(
        ByteRange range, PreallocationMode mode, Action<long>? progress, CancellationToken cancellation)
    {
        long hostEnd = 0;
        HostCluster? preferred = null;
        for (long offset = range.Offset; offset < range.End;)
        {
            AllocationPlan plan = await PlanAsync(
                new GuestOffset(offset), Math.Min(range.End - offset, 1L << 40), preferred, cancellation)
                .ConfigureAwait(false);
            bool reserved = false;
            try
            {
                await ReserveSpaceAsync(plan, mode, cancellation).ConfigureAwait(false);
                plan.Enter(PlanState.DataWritten);
                reserved = true;
            }
            finally
            {
                if (!reserved)
                    Abort(plan);
            }

            Link(plan, isWritten: false);
            offset += plan.DataBytes;
            progress?.Invoke(offset - range.Offset);
            preferred = _tables.HasDataFile ? null : plan.NextHost;
            hostEnd = Math.Max(hostEnd, plan.NextHost.Index << _geometry.ClusterBits);
        }

        // Reads beyond the end of the file would be zeroes all the same, but other programs expect clusters to exist.
        if (hostEnd > _data.LengthBytes && !_tables.HasDataFile)
            await _data.TruncateAsync(new TruncateRequest(hostEnd, Exact: false), cancellation).ConfigureAwait(false);
    }

    /// <summary>Zeroes what a larger disk would show of its backing file.</summary>
    internal async ValueTask ZeroGrowthAsync(long oldBytes, long newBytes, CancellationToken cancellation)
    {
        // A compressed cluster has no subclusters that could be zeroed on their own.
        ClusterMapping tail = await LookUpAsync(new GuestOffset(oldBytes), newBytes - oldBytes, cancellation)
            .ConfigureAwait(false);
        int alignment = tail.Type == SubclusterType.Compressed ? _geometry.ClusterSize : _geometry.SubclusterSize;
        long aligned = await WriteGrowthAsync(oldBytes, newBytes, alignment, cancellation).ConfigureAwait(false);
        if (newBytes == aligned)
            return;
        _virtualSizeBytes = newBytes;
        try
        {
            await ZeroUnderLeaseAsync(ByteRange.FromEnd(aligned, newBytes), RequestFlags.None, cancellation)
                .ConfigureAwait(false);
        }
        finally
        {
            _virtualSizeBytes = oldBytes;
        }
    }

    /// <summary>
    /// Writes zeroes from the old end of the disk up to the next multiple of <paramref name="alignmentBytes"/>, at most
    /// to the new end: the cluster there keeps what is before the old end, its own or the backing file's.
    /// </summary>
    /// <returns>Where the zeroes end.</returns>
    internal async ValueTask<long> WriteGrowthAsync(
        long oldBytes, long newBytes, int alignmentBytes, CancellationToken cancellation)
    {
        long aligned = Math.Min((oldBytes + alignmentBytes - 1) & -alignmentBytes, newBytes);
        if (aligned == oldBytes)
            return aligned;
        _virtualSizeBytes = newBytes;
        IoBuffer zeroes = IoBufferPool.Shared.RentZeroed((int)(aligned - oldBytes));
        try
        {
            await WriteUnderLeaseAsync(new GuestOffset(oldBytes), zeroes.Memory, cancellation).ConfigureAwait(false);
        }
        finally
        {
            zeroes.Return();
            _virtualSizeBytes = oldBytes;
        }

        return aligned;
    }

    private async ValueTask ReserveSpaceAsync(
        AllocationPlan plan, PreallocationMode mode, CancellationToken cancellation)
    {
        // Clusters that are there already: only what lies behind the old end is prepared, it holds nothing.
        ByteRange host = plan.NewRun.Count > 0
            ? HostRange(plan.NewRun)
            : new ByteRange(plan.Host.Value, plan.DataBytes + plan.TailBytes);
        if (mode is PreallocationMode.Metadata or PreallocationMode.Off)
        {
            // Entries must not point behind the end of the file: to other programs that is damage.
            if (!_tables.HasDataFile && host.End > _data.LengthBytes)
            {
                await _data.TruncateAsync(new TruncateRequest(host.End, Exact: false), cancellation)
                    .ConfigureAwait(false);
            }

            // Clusters that were in use before hold old bytes: a linked cluster must read as zeroes.
            if (plan.NewRun is { Count: > 0, IsPristine: false })
                await _data.WriteZeroesAsync(host, RequestFlags.MayUnmap, cancellation).ConfigureAwait(false);
            return;
        }

        try
        {
            if (mode == PreallocationMode.Falloc)
                await _data.WriteZeroesAsync(host, RequestFlags.None, cancellation).ConfigureAwait(false);
            else
                await WriteZeroBytesAsync(host, cancellation).ConfigureAwait(false);
        }
        catch (BlockException failure)
        {
            string what = mode == PreallocationMode.Falloc
                ? "Could not preallocate new data: " : "Could not write zeros for preallocation: ";
            throw failure.Prepend("Failed to resize underlying file: " + what);
        }
    }

    private async ValueTask WriteZeroBytesAsync(ByteRange host, CancellationToken cancellation)
    {
        IoBuffer zeroes = IoBufferPool.Shared.RentZeroed((int)Math.Min(host.Length, 2 << 20));
        try
        {
            for (long offset = host.Offset; offset < host.End; offset += zeroes.LengthBytes)
            {
                int length = (int)Math.Min(zeroes.LengthBytes, host.End - offset);
                await _data.WriteAsync(offset, zeroes.Memory[..length], RequestFlags.None, cancellation)
                    .ConfigureAwait(false);
            }
        }
        finally
        {
            zeroes.Return();
        }
    }

    private ByteRange HostRange(AllocatedRun run) =>
        new(_geometry.OffsetOf(run.First).Value, run.Count << _geometry.ClusterBits);
}
