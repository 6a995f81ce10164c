using Byre.Block.Errors;

namespace Byre.Block.Threading;

/// <summary>
/// A mutual exclusion lock whose waiters do not block a thread. Uncontended entry is one compare-and-swap without
/// allocation. Waiters are served first in, first out and resumed outside the lock, by the scheduler. Not reentrant.
/// </summary>
public sealed class AsyncMutex(CompletionScheduler scheduler)
{
    private readonly Lock _gate = new();
    private readonly Queue<TaskCompletionSource> _waiters = new();
    private int _held;

    /// <summary>True while somebody holds the lock; for assertions only.</summary>
    public bool IsHeld => Volatile.Read(ref _held) != 0;

    /// <summary>Enters; dispose the result to leave.</summary>
    public ValueTask<Holder> EnterAsync()
    {
        if (Interlocked.CompareExchange(ref _held, 1, 0) == 0)
            return new ValueTask<Holder>(new Holder(this));
        return EnterSlowAsync();
    }

    private async ValueTask<Holder> EnterSlowAsync()
    {
        TaskCompletionSource waiter;
        lock (_gate)
        {
            if (Interlocked.CompareExchange(ref _held, 1, 0) == 0)
                return new Holder(this);
            waiter = new TaskCompletionSource(scheduler.WaiterOptions);
            _waiters.Enqueue(waiter);
        }

        await waiter.Task.ConfigureAwait(false);
        return new Holder(this);
    }

    private void Leave()
    {
        Invariant.That(IsHeld);
        TaskCompletionSource? next;
        lock (_gate)
        {
            // The lock is handed over without being opened, so that nobody overtakes the first waiter.
            if (!_waiters.TryDequeue(out next))
                Volatile.Write(ref _held, 0);
        }

        if (next is not null)
            scheduler.Resume(next.SetResult);
    }

    /// <summary>Holds the lock until it is disposed, once.</summary>
    public struct Holder : IDisposable
    {
        private AsyncMutex? _mutex;

        internal Holder(AsyncMutex mutex) => _mutex = mutex;

        /// <summary>Leaves the lock.</summary>
        public void Dispose()
        {
            _mutex?.Leave();
            _mutex = null;
        }
    }
}
