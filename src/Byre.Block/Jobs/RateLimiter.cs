using System.Diagnostics;

namespace Byre.Block.Jobs;

/// <summary>
/// Holds a stream of bytes to an average rate: a leaky bucket that a tenth of a second's bytes fit into. Thread-safe.
/// </summary>
/// <param name="bytesPerSecond">The rate; 0 for no limit.</param>
internal sealed class RateLimiter(long bytesPerSecond)
{
    private readonly Lock _lock = new();
    private long _emptyAt = Stopwatch.GetTimestamp();

    /// <summary>Counts <paramref name="lengthBytes"/>, and waits as long as the bytes before them take at the
    /// rate.</summary>
    public ValueTask TakeAsync(long lengthBytes, CancellationToken cancellation)
    {
        if (bytesPerSecond == 0)
            return default;
        TimeSpan wait;
        lock (_lock)
        {
            long now = Stopwatch.GetTimestamp();
            long full = now + (Stopwatch.Frequency / 10);
            wait = _emptyAt > full ? Stopwatch.GetElapsedTime(full, _emptyAt) : TimeSpan.Zero;
            _emptyAt = Math.Max(_emptyAt, now) + (long)((double)lengthBytes / bytesPerSecond * Stopwatch.Frequency);
        }

        return wait > TimeSpan.Zero ? new ValueTask(Task.Delay(wait, cancellation)) : default;
    }
}
