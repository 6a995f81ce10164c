using Byre.Block.Errors;

namespace Byre.Block.Requests;

/// <summary>
/// Keeps requests that must not overlap apart: an exclusive lease (read-modify-write, copy-on-read) waits for every
/// earlier overlapping one, and later ones wait for it. Shared leases (aligned writes) do not wait for each other.
/// First come, first served among those that conflict. Waiters are resumed outside the lock, on the thread pool.
/// </summary>
internal sealed class RequestRanges
{
    private readonly Lock _gate = new();

    /// <summary>In order of arrival, waiting ones included. As long as the requests in flight, so scanned.</summary>
    private readonly List<RequestLease> _leases = [];

    public ValueTask<RequestLease> EnterAsync(ByteRange range, bool exclusive)
    {
        var lease = new RequestLease(this, range, exclusive);
        lock (_gate)
        {
            lease.IsGranted = !ConflictsBefore(_leases.Count, lease);
            _leases.Add(lease);
            if (lease.IsGranted)
                return new ValueTask<RequestLease>(lease);
            lease.Waiter = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        }

        return WaitAsync(lease);
    }

    internal void End(RequestLease lease)
    {
        List<TaskCompletionSource>? granted = null;
        lock (_gate)
        {
            Invariant.That(lease.IsGranted);
            Invariant.That(_leases.Remove(lease));
            for (int i = 0; i < _leases.Count; i++)
            {
                RequestLease waiting = _leases[i];
                if (waiting.IsGranted || ConflictsBefore(i, waiting))
                    continue;
                waiting.IsGranted = true;
                (granted ??= []).Add(waiting.Waiter!);
            }
        }

        foreach (TaskCompletionSource waiter in granted ?? [])
            waiter.SetResult();
    }

    private static async ValueTask<RequestLease> WaitAsync(RequestLease lease)
    {
        await lease.Waiter!.Task.ConfigureAwait(false);
        return lease;
    }

    private bool ConflictsBefore(int count, RequestLease lease)
    {
        for (int i = 0; i < count; i++)
        {
            if (_leases[i].ConflictsWith(lease))
                return true;
        }

        return false;
    }
}
