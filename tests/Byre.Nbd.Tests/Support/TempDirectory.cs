namespace Byre.Nbd.Tests.Support;

/// <summary>A directory that is gone after the test; its name is short enough for Unix sockets.</summary>
internal sealed class TempDirectory : IDisposable
{
    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("byre-nbd-");

    public string this[string name] => Path.Combine(_directory.FullName, name);

    public void Dispose() => _directory.Delete(recursive: true);
}
