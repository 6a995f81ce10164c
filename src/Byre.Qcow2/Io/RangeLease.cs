using Byre.Block.Errors;
using Byre.Block.Requests;

namespace Byre.Qcow2.Io;

/// <summary>The right of one request to its guest range, until it is disposed, once.</summary>
internal sealed class RangeLease : IDisposable
{
    private GuestRangeTracker? _tracker;

    /// <summary>The guest bytes it covers; whole clusters for exclusive leases.</summary>
    public ByteRange Range { get; private set; }

    public LeaseKind Kind { get; private set; }

    /// <summary>Its place among the active ones.</summary>
    internal int Index { get; set; }

    internal TaskCompletionSource<RangeLease>? Waiter { get; set; }

    internal void Begin(GuestRangeTracker tracker, ByteRange range, LeaseKind kind)
    {
        _tracker = tracker;
        Range = range;
        Kind = kind;
        Waiter = null;
    }

    internal bool ConflictsWith(ByteRange range, LeaseKind kind) =>
        (kind == LeaseKind.Exclusive || Kind == LeaseKind.Exclusive) && Range.Overlaps(range);

    /// <summary>Gives the range up; waiters that it held back go on, by the scheduler.</summary>
    public void Dispose()
    {
        GuestRangeTracker? tracker = _tracker;
        Invariant.That(tracker is not null);
        _tracker = null;
        tracker.Release(this);
    }
}
