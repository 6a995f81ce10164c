namespace Byre.Block.Requests;

/// <summary>
/// A request's hold on a byte range in a <see cref="RequestRanges"/>; ended by <see cref="Dispose"/>, once.
/// </summary>
internal sealed class RequestLease(RequestRanges ranges, ByteRange range, bool exclusive) : IDisposable
{
    internal ByteRange Range { get; } = range;

    internal bool IsExclusive { get; } = exclusive;

    /// <summary>Completed when the lease is granted; null where it was at once.</summary>
    internal TaskCompletionSource? Waiter { get; set; }

    internal bool IsGranted { get; set; }

    public void Dispose() => ranges.End(this);

    internal bool ConflictsWith(RequestLease other) =>
        (IsExclusive || other.IsExclusive) && Range.Overlaps(other.Range);
}
