namespace Byre.Block.Threading;

/// <summary>
/// Decides where those who waited for a lock, a lease or a load go on: never inside the caller that lets them go. The
/// thread pool does it in programs; a simulation does it in an order of its own, on one thread.
/// </summary>
public abstract class CompletionScheduler
{
    /// <summary>Waiters go on on the thread pool.</summary>
    public static CompletionScheduler ThreadPool { get; } = new ThreadPoolCompletions();

    /// <summary>How the task of a waiter is made.</summary>
    public abstract TaskCreationOptions WaiterOptions { get; }

    /// <summary>Completes a waiter by <paramref name="completion"/>, which may be called later. Callable under
    /// locks.</summary>
    public abstract void Resume(Action completion);

    /// <summary>Does work of the processor's that takes long, elsewhere than in the caller.</summary>
    public abstract Task RunAsync(Action work);

    private sealed class ThreadPoolCompletions : CompletionScheduler
    {
        public override TaskCreationOptions WaiterOptions => TaskCreationOptions.RunContinuationsAsynchronously;

        public override void Resume(Action completion) => completion();

        public override Task RunAsync(Action work) => Task.Run(work);
    }
}
