using System.Runtime.ExceptionServices;
using Byre.Block.Errors;
using Byre.Block.Threading;

namespace Byre.Block.Jobs;

/// <summary>
/// The shape of every copying job: steps are <b>taken</b> one at a time, <b>filled</b> side by side by several
/// workers (read, compared, compressed), and <b>finished</b> (written) in the order in which they were taken, or in
/// any order. The first failure stops everything and is what <see cref="RunAsync"/> throws. One run per instance.
/// </summary>
/// <typeparam name="T">A step with its memory.</typeparam>
internal sealed class ChunkPipeline<T>
    where T : class
{
    private readonly AsyncMutex _takeMutex = new(CompletionScheduler.ThreadPool);
    private readonly Lock _finishLock = new();
    private readonly Dictionary<long, T> _waiting = [];
    private readonly int _workers;
    private readonly bool _ordered;
    private long _taken;
    private long _nextToFinish;
    private bool _finishing;
    private ExceptionDispatchInfo? _firstFailure;

    /// <param name="workers">Steps in work at the same time.</param>
    /// <param name="ordered">Finish in the order of taking, one at a time.</param>
    public ChunkPipeline(int workers, bool ordered)
    {
        Invariant.That(workers > 0);
        _workers = workers;
        _ordered = ordered;
    }

    /// <summary>The next step; null at the end, and again if asked again. Called one at a time.</summary>
    public required Func<CancellationToken, ValueTask<T?>> Take { get; init; }

    /// <summary>The work that needs no order.</summary>
    public required Func<T, CancellationToken, ValueTask> Fill { get; init; }

    /// <summary>The work that does; the step's memory may be reused afterwards.</summary>
    public required Func<T, CancellationToken, ValueTask> Finish { get; init; }

    /// <summary>Runs until there is nothing to take.</summary>
    public async ValueTask RunAsync(CancellationToken cancellation)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        // A finished fill waits for its turn with its memory: the slots bound how many can.
        using var slots = new SemaphoreSlim(_workers);
        var workers = new Task[_workers];
        for (int i = 0; i < workers.Length; i++)
            workers[i] = Task.Run(() => WorkAsync(slots, stop), CancellationToken.None);
        await Task.WhenAll(workers).ConfigureAwait(false);

        _firstFailure?.Throw();
        cancellation.ThrowIfCancellationRequested();
    }

    private async Task WorkAsync(SemaphoreSlim slots, CancellationTokenSource stop)
    {
        try
        {
            while (true)
            {
                await slots.WaitAsync(stop.Token).ConfigureAwait(false);
                (T? item, long number) = await TakeNextAsync(stop.Token).ConfigureAwait(false);
                if (item is null)
                {
                    slots.Release();
                    return;
                }

                await Fill(item, stop.Token).ConfigureAwait(false);
                await FinishAsync(item, number, slots, stop.Token).ConfigureAwait(false);
            }
        }
        catch (Exception failure)
        {
            // What the others throw from now on is only the echo of the cancellation.
            Interlocked.CompareExchange(ref _firstFailure, ExceptionDispatchInfo.Capture(failure), null);
            await stop.CancelAsync().ConfigureAwait(false);
        }
    }

    private async ValueTask<(T? Item, long Number)> TakeNextAsync(CancellationToken cancellation)
    {
        using (await _takeMutex.EnterAsync().ConfigureAwait(false))
        {
            cancellation.ThrowIfCancellationRequested();
            T? item = await Take(cancellation).ConfigureAwait(false);
            return (item, item is null ? _taken : _taken++);
        }
    }

    /// <summary>
    /// Order without a thread of its own: whoever brings the step that is next finishes it and all that follow it
    /// without a gap; everybody else goes on filling at once.
    /// </summary>
    private async ValueTask FinishAsync(T item, long number, SemaphoreSlim slots, CancellationToken cancellation)
    {
        if (!_ordered)
        {
            await Finish(item, cancellation).ConfigureAwait(false);
            slots.Release();
            return;
        }

        lock (_finishLock)
        {
            Invariant.That(number >= _nextToFinish);
            _waiting.Add(number, item);
            if (_finishing)
                return;
            _finishing = true;
        }

        while (TryTakeFilled(out T? ready))
        {
            cancellation.ThrowIfCancellationRequested();
            await Finish(ready, cancellation).ConfigureAwait(false);
            slots.Release();
        }
    }

    private bool TryTakeFilled([System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out T? ready)
    {
        lock (_finishLock)
        {
            if (_waiting.Remove(_nextToFinish, out ready))
            {
                _nextToFinish++;
                return true;
            }

            _finishing = false;
            return false;
        }
    }
}
