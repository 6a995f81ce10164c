using Byre.Block.Errors;

namespace Byre.Block.Threading;

/// <summary>
/// Runs CPU work (compression, encryption, checksums) on the thread pool, at most a number of pieces at a time, first
/// in, first out. Thread-safe. A piece of work must not wait for anything.
/// </summary>
public sealed class WorkerThreads
{
    private readonly Lock _gate = new();
    private readonly Queue<Action> _waiting = new();
    private readonly int _maxParallel;
    private int _running;

    /// <param name="maxParallel">How many pieces may run at once; 0 for one per processor.</param>
    public WorkerThreads(int maxParallel = 0)
    {
        Invariant.That(maxParallel >= 0);
        _maxParallel = maxParallel == 0 ? Environment.ProcessorCount : maxParallel;
    }

    /// <summary>The one that everything shares unless told otherwise: one piece of work per processor.</summary>
    public static WorkerThreads Shared { get; } = new();

    /// <summary>Runs <paramref name="work"/> and gives its result, or its failure.</summary>
    public async ValueTask<TResult> RunAsync<TState, TResult>(TState state, Func<TState, TResult> work)
    {
        var completion = new TaskCompletionSource<TResult>(TaskCreationOptions.RunContinuationsAsynchronously);
        Start(() =>
        {
            try
            {
                completion.SetResult(work(state));
            }
            catch (Exception failure) when (failure is not InvariantException)
            {
                completion.SetException(failure);
            }
        });
        return await completion.Task.ConfigureAwait(false);
    }

    private void Start(Action piece)
    {
        lock (_gate)
        {
            _waiting.Enqueue(piece);
            if (_running == _maxParallel)
                return;
            _running++;
        }

        ThreadPool.UnsafeQueueUserWorkItem(static worker => worker.Drain(), this, preferLocal: false);
    }

    private void Drain()
    {
        while (true)
        {
            Action? piece;
            lock (_gate)
            {
                if (!_waiting.TryDequeue(out piece))
                {
                    _running--;
                    return;
                }
            }

            piece();
        }
    }
}
