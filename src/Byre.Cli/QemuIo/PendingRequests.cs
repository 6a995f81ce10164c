using System.Diagnostics;
using System.Runtime.ExceptionServices;
using Byre.Block.Errors;

namespace Byre.Cli.QemuIo;

/// <summary>
/// The requests that "aio_read" and "aio_write" have started. They complete on any thread and in any order; their
/// reports are printed by the one thread that runs commands, in the order of completion, and only where the peer's
/// event loop would run: while a command waits for something, while the prompt waits for input, and when everything
/// is drained.
/// </summary>
internal sealed class PendingRequests
{
    private readonly Lock _lock = new();
    private readonly Queue<Action> _reports = [];
    private int _inFlight;
    private TaskCompletionSource? _allDone;

    /// <summary>True: each request runs on a thread of the pool from its start.</summary>
    public bool StartsInParallel { get; set; }

    /// <summary>Starts a request and returns as soon as it has to wait for something.</summary>
    /// <param name="request">Starts it.</param>
    /// <param name="report">Called by <see cref="Report"/> once it has ended.</param>
    public void Start(Func<ValueTask> request, Action<RequestOutcome> report)
    {
        lock (_lock)
            _inFlight++;
        Func<ValueTask> start = StartsInParallel ? () => new ValueTask(Task.Run(() => request().AsTask())) : request;
        _ = ObserveAsync(start, report);
    }

    /// <summary>Prints the reports of the requests that have ended.</summary>
    public void Report()
    {
        while (TryTakeReport(out Action? report))
            report();
    }

    /// <summary>Waits until nothing is in flight, and prints all reports.</summary>
    public async ValueTask DrainAsync()
    {
        while (true)
        {
            Report();
            Task allDone;
            lock (_lock)
            {
                if (_inFlight == 0 && _reports.Count == 0)
                    return;
                _allDone ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
                allDone = _inFlight == 0 ? Task.CompletedTask : _allDone.Task;
            }

            await allDone.ConfigureAwait(false);
        }
    }

    /// <summary>Runs one request and measures it; failures of the environment are part of the outcome.</summary>
    public static async ValueTask<RequestOutcome> MeasureAsync(Func<ValueTask> request)
    {
        long started = Stopwatch.GetTimestamp();
        try
        {
            await request().ConfigureAwait(false);
            return new RequestOutcome(null, Stopwatch.GetElapsedTime(started));
        }
        catch (BlockException exception)
        {
            return new RequestOutcome(exception, Stopwatch.GetElapsedTime(started));
        }
    }

    private async Task ObserveAsync(Func<ValueTask> request, Action<RequestOutcome> report)
    {
        Action ended;
        try
        {
            RequestOutcome outcome = await MeasureAsync(request).ConfigureAwait(false);
            ended = () => report(outcome);
        }
        catch (Exception exception)
        {
            // A bug of ours: it must surface in the thread that runs commands, not vanish in a task nobody looks at.
            ended = ExceptionDispatchInfo.Capture(exception).Throw;
        }

        TaskCompletionSource? allDone = null;
        lock (_lock)
        {
            _reports.Enqueue(ended);
            if (--_inFlight == 0)
                (allDone, _allDone) = (_allDone, null);
        }

        allDone?.SetResult();
    }

    private bool TryTakeReport([System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out Action? report)
    {
        lock (_lock)
            return _reports.TryDequeue(out report);
    }
}
