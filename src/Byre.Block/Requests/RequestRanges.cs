using Byre.Block.Errors;

namespace Byre.Block.Requests;

/// <summary>
/// Keeps requests that must not overlap apart: an exclusive lease (read-modify-write, copy-on-read) shares its blocks
/// with nobody. Shared leases (aligned writes) do not wait for each other. Waiters are resumed outside the lock, on the
/// thread pool.
/// <para>
/// Requests for the same bytes are served in the order in which they came. One that merely shares a block with a
/// waiting request, and with no running one, goes first; so often, and then the waiting one's turn has come.
/// </para>
/// </summary>
internal sealed class RequestRanges
{
    /// <summary>How many requests may go ahead of a waiting one, which so never waits for ever.</summary>
    public const int MaxOvertakes = 16;

    private readonly Lock _gate = new();

    /// <summary>In order of arrival, waiting ones included. As long as the requests in flight, so scanned.</summary>
    private readonly List<RequestLease> _leases = [];

    /// <param name="bytes">What the request reads or writes.</param>
    /// <param name="blocks">What it must have for itself meanwhile: the same, or more.</param>
    /// <param name="exclusive">Nobody else may be in these blocks; else nobody who is exclusive.</param>
    public ValueTask<RequestLease> EnterAsync(ByteRange bytes, ByteRange blocks, bool exclusive)
    {
        var lease = new RequestLease(this, bytes, blocks, exclusive);
        lock (_gate)
        {
            _leases.Add(lease);
            if (TryGrant(_leases.Count - 1))
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
                if (!_leases[i].IsGranted && TryGrant(i))
                    (granted ??= []).Add(_leases[i].Waiter!);
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

    private bool TryGrant(int index)
    {
        RequestLease lease = _leases[index];
        for (int i = 0; i < _leases.Count; i++)
        {
            if (i != index && MustWait(lease, _leases[i], isEarlier: i < index))
                return false;
        }

        for (int i = 0; i < index; i++)
        {
            if (!_leases[i].IsGranted && _leases[i].ConflictsWith(lease))
                _leases[i].Overtakes++;
        }

        lease.IsGranted = true;
        return true;
    }

    private static bool MustWait(RequestLease lease, RequestLease other, bool isEarlier)
    {
        if (!other.ConflictsWith(lease))
            return false;
        return other.IsGranted
            || (isEarlier && (other.Overtakes == MaxOvertakes || other.Bytes.Overlaps(lease.Bytes)));
    }
}
