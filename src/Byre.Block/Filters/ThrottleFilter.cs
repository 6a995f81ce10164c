using Byre.Block.Buffers;
using Byre.Block.Graph;
using Byre.Block.Requests;

namespace Byre.Block.Filters;

/// <summary>
/// Makes a child slow: every request takes a fixed time more, and reads and writes together move no more than a
/// number of bytes in a second. For tests and for background work that must leave room to others. Threading as
/// <see cref="BlockNode"/>. Owns the child.
/// </summary>
/// <param name="child">The node to slow down.</param>
/// <param name="bytesPerSecond">The rate; 0 for any.</param>
/// <param name="latency">What every request takes more.</param>
/// <param name="clock">Where time comes from; null for the system's.</param>
public sealed class ThrottleFilter(BlockNode child, long bytesPerSecond, TimeSpan latency, TimeProvider? clock = null)
    : FilterNode(child.Driver, child)
{
    private readonly TimeProvider _clock = clock ?? TimeProvider.System;
    private readonly Lock _lock = new();

    /// <summary>When the bytes granted so far will have been moved at the rate, as a timestamp of the clock.</summary>
    private long _busyUntil;

    /// <inheritdoc/>
    protected internal override async ValueTask ReadCoreAsync(
        long offset, IoVector destination, CancellationToken cancellation)
    {
        await DelayAsync(destination.Length, cancellation).ConfigureAwait(false);
        await base.ReadCoreAsync(offset, destination, cancellation).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    protected internal override async ValueTask WriteCoreAsync(
        long offset, IoVector source, RequestFlags flags, CancellationToken cancellation)
    {
        await DelayAsync(source.Length, cancellation).ConfigureAwait(false);
        await base.WriteCoreAsync(offset, source, flags, cancellation).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    protected internal override async ValueTask WriteZeroesCoreAsync(
        ByteRange range, RequestFlags flags, CancellationToken cancellation)
    {
        await DelayAsync(0, cancellation).ConfigureAwait(false);
        await base.WriteZeroesCoreAsync(range, flags, cancellation).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    protected internal override async ValueTask DiscardCoreAsync(ByteRange range, CancellationToken cancellation)
    {
        await DelayAsync(0, cancellation).ConfigureAwait(false);
        await base.DiscardCoreAsync(range, cancellation).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    protected internal override async ValueTask FlushCoreAsync(CancellationToken cancellation)
    {
        await DelayAsync(0, cancellation).ConfigureAwait(false);
        await base.FlushCoreAsync(cancellation).ConfigureAwait(false);
    }

    private async ValueTask DelayAsync(long bytes, CancellationToken cancellation)
    {
        TimeSpan delay = latency + Reserve(bytes);
        if (delay > TimeSpan.Zero)
            await Task.Delay(delay, _clock, cancellation).ConfigureAwait(false);
    }

    /// <summary>Books the time that the bytes take; returns how long to wait until it begins.</summary>
    private TimeSpan Reserve(long bytes)
    {
        if (bytesPerSecond == 0 || bytes == 0)
            return TimeSpan.Zero;
        long now = _clock.GetTimestamp();
        long duration = (long)((double)bytes / bytesPerSecond * _clock.TimestampFrequency);
        lock (_lock)
        {
            long begin = Math.Max(now, _busyUntil);
            _busyUntil = begin + duration;
            return _clock.GetElapsedTime(now, begin);
        }
    }
}
