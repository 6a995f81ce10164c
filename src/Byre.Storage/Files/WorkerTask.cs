namespace Byre.Storage.Files;

/// <summary>What a worker thread does for a file.</summary>
internal enum WorkerTask
{
    Read,
    Write,
    Flush,
}
