using System.Collections.Concurrent;
using System.Threading.Tasks.Sources;
using Byre.Block.Buffers;
using Byre.Block.Errors;
using Byre.Block.Requests;

namespace Byre.Storage.Files;

/// <summary>
/// A blocking request on its way through a worker thread. Used again and again: a request allocates nothing. What waits
/// for it continues on the worker.
/// </summary>
internal sealed class WorkerOperation : IThreadPoolWorkItem, IValueTaskSource
{
    private const int MaxKept = 256;

    private static readonly ConcurrentBag<WorkerOperation> Kept = [];
    private static int s_kept;

    private ManualResetValueTaskSourceCore<bool> _completion;
    private FileStorage? _storage;
    private WorkerTask _task;
    private long _offset;
    private IoVector _memory;
    private RequestFlags _flags;

    /// <summary>Queues a request; it completes on a worker.</summary>
    public static ValueTask Queue(
        FileStorage storage, WorkerTask task, long offset, in IoVector memory, RequestFlags flags)
    {
        if (Kept.TryTake(out WorkerOperation? operation))
            Interlocked.Decrement(ref s_kept);
        else
            operation = new WorkerOperation();
        operation._storage = storage;
        operation._task = task;
        operation._offset = offset;
        operation._memory = memory;
        operation._flags = flags;
        var result = new ValueTask(operation, operation._completion.Version);
        FileWorkers.Queue(operation);
        return result;
    }

    void IThreadPoolWorkItem.Execute()
    {
        try
        {
            _storage!.PerformBlocking(_task, _offset, _memory, _flags);
        }
        catch (BlockException failure)
        {
            _completion.SetException(failure);
            return;
        }

        _completion.SetResult(true);
    }

    public ValueTaskSourceStatus GetStatus(short token) => _completion.GetStatus(token);

    public void OnCompleted(
        Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _completion.OnCompleted(continuation, state, token, flags);

    public void GetResult(short token)
    {
        try
        {
            _completion.GetResult(token);
        }
        finally
        {
            _completion.Reset();
            _storage = null;
            _memory = default;
            if (Interlocked.Increment(ref s_kept) <= MaxKept)
                Kept.Add(this);
            else
                Interlocked.Decrement(ref s_kept);
        }
    }
}
