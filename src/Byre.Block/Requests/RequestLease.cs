namespace Byre.Block.Requests;

/// <summary>
/// A request's hold on blocks in a <see cref="RequestRanges"/>; ended by <see cref="Dispose"/>, once.
/// </summary>
internal sealed class RequestLease(
    RequestRanges ranges, ByteRange bytes, ByteRange blocks, bool exclusive) : IDisposable
{
    /// <summary>What the request itself is about; within its blocks.</summary>
    internal ByteRange Bytes { get; } = bytes;

    /// <summary>Completed when the lease is granted; null where it was at once.</summary>
    internal TaskCompletionSource? Waiter { get; set; }

    internal bool IsGranted { get; set; }

    /// <summary>How many later leases that conflict with this one were granted while it waited.</summary>
    internal int Overtakes { get; set; }

    private ByteRange Blocks { get; } = blocks;

    private bool IsExclusive { get; } = exclusive;

    public void Dispose() => ranges.End(this);

    internal bool ConflictsWith(RequestLease other) =>
        (IsExclusive || other.IsExclusive) && Blocks.Overlaps(other.Blocks);
}
