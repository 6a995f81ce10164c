namespace Byre.Conformance.Tests.Differential;

/// <summary>A directory for one case, in memory where the system has such a place; removed at the end.</summary>
internal sealed class WorkDirectory : IDisposable
{
    private const string InMemory = "/dev/shm";

    public WorkDirectory()
    {
        string parent = Directory.Exists(InMemory) ? InMemory : System.IO.Path.GetTempPath();
        Path = System.IO.Path.Combine(parent, $"byre-diff-{Guid.NewGuid():N}");
        Directory.CreateDirectory(Path);
    }

    public string Path { get; }

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
