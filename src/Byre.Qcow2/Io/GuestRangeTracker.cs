using System.Diagnostics.CodeAnalysis;
using Byre.Block.Errors;
using Byre.Block.Requests;
using Byre.Block.Threading;

namespace Byre.Qcow2.Io;

/// <summary>
/// Who may do what to which guest range. A lease covers a whole request, is granted whole, first come first served,
/// and is taken before anything else: nobody waits for a lease while holding one. This closes a race that the peer
/// has, where a discard frees a cluster under a write in flight.
/// <para>Threading: any thread. A list suits the few dozen requests that are in flight.</para>
/// </summary>
internal sealed class GuestRangeTracker(CompletionScheduler scheduler, bool excludes = true)
{
    private readonly Lock _lock = new();
    private readonly List<RangeLease> _active = [];
    private readonly List<RangeLease> _waiting = [];
    private readonly Stack<RangeLease> _spare = new();

    /// <summary>Takes a lease if nobody is in the way, now or waiting.</summary>
    public bool TryAcquire(ByteRange range, LeaseKind kind, [NotNullWhen(true)] out RangeLease? lease)
    {
        lock (_lock)
        {
            if (Conflicts(_active, _active.Count, range, kind) || Conflicts(_waiting, _waiting.Count, range, kind))
            {
                lease = null;
                return false;
            }

            lease = Take(range, kind);
            Activate(lease);
            return true;
        }
    }

    /// <summary>Takes a lease, after those who are in the way.</summary>
    public ValueTask<RangeLease> AcquireAsync(ByteRange range, LeaseKind kind)
    {
        if (TryAcquire(range, kind, out RangeLease? lease))
            return new ValueTask<RangeLease>(lease);
        lock (_lock)
        {
            lease = Take(range, kind);
            if (!Conflicts(_active, _active.Count, range, kind) && !Conflicts(_waiting, _waiting.Count, range, kind))
            {
                Activate(lease);
                return new ValueTask<RangeLease>(lease);
            }

            lease.Waiter = new TaskCompletionSource<RangeLease>(scheduler.WaiterOptions);
            _waiting.Add(lease);
            return new ValueTask<RangeLease>(lease.Waiter.Task);
        }
    }

    internal void Release(RangeLease lease)
    {
        List<RangeLease>? granted = null;
        lock (_lock)
        {
            Remove(lease);
            for (int i = 0; i < _waiting.Count;)
            {
                RangeLease waiting = _waiting[i];
                if (Conflicts(_active, _active.Count, waiting.Range, waiting.Kind) ||
                    Conflicts(_waiting, i, waiting.Range, waiting.Kind))
                {
                    i++;
                    continue;
                }

                _waiting.RemoveAt(i);
                Activate(waiting);
                (granted ??= []).Add(waiting);
            }

            _spare.Push(lease);
        }

        if (granted is null)
            return;
        foreach (RangeLease next in granted)
            scheduler.Resume(() => next.Waiter!.SetResult(next));
    }

    private void Activate(RangeLease lease)
    {
        lease.Index = _active.Count;
        _active.Add(lease);
    }

    /// <summary>Active leases are in no order: the last one takes the place.</summary>
    private void Remove(RangeLease lease)
    {
        Invariant.That(_active[lease.Index] == lease);
        RangeLease last = _active[^1];
        _active[lease.Index] = last;
        last.Index = lease.Index;
        _active.RemoveAt(_active.Count - 1);
    }

    private bool Conflicts(List<RangeLease> leases, int count, ByteRange range, LeaseKind kind)
    {
        for (int i = 0; i < count; i++)
        {
            if (excludes && leases[i].ConflictsWith(range, kind))
                return true;
        }

        return false;
    }

    private RangeLease Take(ByteRange range, LeaseKind kind)
    {
        RangeLease lease = _spare.Count > 0 ? _spare.Pop() : new RangeLease();
        lease.Begin(this, range, kind);
        return lease;
    }
}
