namespace Byre.Cli.Tests.Transcripts;

/// <summary>A temporary folder with links to the program under all its names.</summary>
internal sealed class ProgramLinks : IDisposable
{
    public ProgramLinks()
    {
        string program = Path.Combine(AppContext.BaseDirectory, "byre");
        foreach (string name in new[] { "byre", "qemu-img", "qemu-io", "qemu-nbd" })
            File.CreateSymbolicLink(Path.Combine(Folder, name), program);
    }

    /// <summary>The folder.</summary>
    public string Folder { get; } = Directory.CreateTempSubdirectory("byre-programs-").FullName;

    public void Dispose() => Directory.Delete(Folder, recursive: true);
}
