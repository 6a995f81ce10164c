namespace Byre.Durability.Tests.Support;

/// <summary>A folder for one case, removed at the end.</summary>
internal sealed class WorkFolder : IDisposable
{
    private const string InMemory = "/dev/shm";

    /// <param name="inMemory">On tmpfs where there is one; else where temporary files go.</param>
    public WorkFolder(bool inMemory)
    {
        string parent = inMemory && Directory.Exists(InMemory) ? InMemory : System.IO.Path.GetTempPath();
        Folder = System.IO.Path.Combine(parent, $"byre-durability-{Guid.NewGuid():N}");
        Directory.CreateDirectory(Folder);
    }

    public string Folder { get; }

    public string this[string name] => System.IO.Path.Combine(Folder, name);

    public void Dispose() => Directory.Delete(Folder, recursive: true);
}
