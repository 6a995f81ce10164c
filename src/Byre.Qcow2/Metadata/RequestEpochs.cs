using Byre.Block.Errors;
using Byre.Block.Threading;

namespace Byre.Qcow2.Metadata;

/// <summary>
/// Tells when every read that began before a moment has ended, so that a freed host cluster is not reused under a
/// reader. Readers enter before they look a mapping up and leave when their I/O is done. Leaving needs no lock.
/// </summary>
internal sealed class RequestEpochs(CompletionScheduler scheduler)
{
    private const int Ring = 64;

    private readonly long[] _active = new long[Ring];
    private long _current;
    private long _oldest;
    private TaskCompletionSource? _waiter;

    /// <summary>The epoch that a free of now belongs to.</summary>
    public long Current => Volatile.Read(ref _current);

    /// <summary>
    /// Enters a reader before its first look-up; the result goes to <see cref="Leave"/>. Under the metadata lock, so
    /// that no epoch ends between the entry and the look-up.
    /// </summary>
    public long Enter(in MetadataScope scope)
    {
        _ = scope;
        long epoch = _current;
        Interlocked.Increment(ref _active[epoch % Ring]);
        return epoch;
    }

    /// <summary>Ends a reader.</summary>
    public void Leave(long epoch)
    {
        Invariant.That(Interlocked.Decrement(ref _active[epoch % Ring]) >= 0);
        if (Volatile.Read(ref _waiter) is not null && Interlocked.Exchange(ref _waiter, null) is { } waiter)
            scheduler.Resume(waiter.SetResult);
    }

    /// <summary>
    /// Completes when some reader has left; null where none of an earlier epoch is left. For one caller at a time,
    /// under the metadata lock.
    /// </summary>
    public Task? WhenReaderLeaves(in MetadataScope scope)
    {
        _ = scope;
        var waiter = new TaskCompletionSource(scheduler.WaiterOptions);
        Invariant.That(Interlocked.Exchange(ref _waiter, waiter) is null);
        MoveOldest();

        // Whoever leaves from here on sees the waiter.
        if (_oldest < _current || Interlocked.Exchange(ref _waiter, null) is null)
            return waiter.Task;
        return null;
    }

    /// <summary>
    /// Begins a new epoch where the ring has room; otherwise epochs just get coarser. Called under the metadata lock.
    /// </summary>
    public void Advance()
    {
        if (_current + 1 - _oldest >= Ring)
            MoveOldest();
        if (_current + 1 - _oldest < Ring)
            Volatile.Write(ref _current, _current + 1);
    }

    /// <summary>
    /// True where every reader that entered in <paramref name="epoch"/> or before has left. Called under the metadata
    /// lock.
    /// </summary>
    public bool HasEnded(long epoch)
    {
        MoveOldest();
        return epoch < _oldest ||
            (epoch == _current && _oldest == _current && Volatile.Read(ref _active[_current % Ring]) == 0);
    }

    private void MoveOldest()
    {
        while (_oldest < _current && Volatile.Read(ref _active[_oldest % Ring]) == 0)
            _oldest++;
    }
}
