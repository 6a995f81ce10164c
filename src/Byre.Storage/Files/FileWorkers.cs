namespace Byre.Storage.Files;

/// <summary>The threads on which files are waited for. Thread-safe.</summary>
internal static class FileWorkers
{
    /// <summary>Queues a blocking operation.</summary>
    public static void Queue(WorkerOperation operation) =>
        ThreadPool.UnsafeQueueUserWorkItem(operation, preferLocal: false);
}
