using Byre.Block.Graph;
using Byre.Qcow2.Tests.Io;
using Byre.Storage.Drivers;
using Byre.Storage.Files;

namespace Byre.Qcow2.Tests.Faults;

/// <summary>
/// A file of the host, in memory where that is possible, whose transfers may be short. For one thread.
/// </summary>
internal sealed class ShortFile : IFaultFile, IDisposable
{
    private readonly string _path;
    private readonly FaultClock _clock;
    private FailingFile _node;

    public ShortFile(byte[] content, FaultClock clock)
    {
        _clock = clock;
        string folder = Directory.Exists("/dev/shm") ? "/dev/shm" : Path.GetTempPath();
        _path = Path.Combine(folder, $"byre-short-{Guid.NewGuid():N}");
        File.WriteAllBytes(_path, content);
        _node = Open();
    }

    public BlockNode Node => _node;

    public byte[] TakeDisk() => File.ReadAllBytes(_path);

    public void Reopen()
    {
        Close();
        _node = Open();
    }

    public void Dispose()
    {
        Close();
        File.Delete(_path);
    }

    private void Close()
    {
        if (_node.IsOpen)
            EngineHarness.Run(_node.DisposeAsync());
    }

    private FailingFile Open()
    {
        var request = new OpenRequest
        {
            Opener = new ImageOpener(new DriverRegistry()),
            Options = new OptionSet(),
            Flags = OpenFlags.ReadWrite | OpenFlags.Unmap,
            FileName = _path,
        };
        FileStorage file = new FileDriver().OpenStorage(
            new ShortCalls(_clock), request, FileNodeOptions.Take("file", request));
        return new FailingFile(file, _clock) { OpenedFlags = file.OpenedFlags };
    }
}
