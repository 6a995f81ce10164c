namespace Byre.Storage.Tests.Support;

/// <summary>A directory that is gone after the test.</summary>
internal sealed class TempDirectory : IDisposable
{
    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("byre-storage-");

    public string FullName => _directory.FullName;

    public string this[string name] => Path.Combine(_directory.FullName, name);

    /// <summary>A new file with this content.</summary>
    public string File(string name, params byte[] content)
    {
        System.IO.File.WriteAllBytes(this[name], content);
        return this[name];
    }

    /// <summary>A new file of this length, all hole.</summary>
    public string SparseFile(string name, long lengthBytes)
    {
        using FileStream stream = System.IO.File.Create(this[name]);
        stream.SetLength(lengthBytes);
        return this[name];
    }

    public void Dispose() => _directory.Delete(recursive: true);
}
