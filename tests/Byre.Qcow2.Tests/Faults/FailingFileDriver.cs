using Byre.Block.Formats;
using Byre.Block.Graph;
using Byre.Block.Requests;
using Byre.Storage.Drivers;
using Byre.Storage.Files;
using Byre.Storage.Portable;

namespace Byre.Qcow2.Tests.Faults;

/// <summary>The driver "file" over files of the host, whose calls fail as their clock says. For one thread.</summary>
/// <param name="clock">Says which calls fail.</param>
/// <param name="isPortable">Files as on other systems.</param>
internal sealed class FailingFileDriver(FaultClock clock, bool isPortable) : BlockDriver
{
    private readonly FileDriver _host = new();

    public override string Name => "file";

    public override bool IsProtocol => true;

    public ImageCreatorService MakeCreator() =>
        new(new ImageOpener(new DriverRegistry(new RawDriver(), this, new Qcow2Driver())));

    public override ValueTask CreateAsync(CreateRequest request, CancellationToken cancellation)
    {
        if (!isPortable)
            return _host.CreateAsync(request, cancellation);
        PortableStorage.Create(request.FileName, request.Options.TakeSize("size") ?? 0, PreallocationMode.Off);
        return default;
    }

    public override ValueTask<BlockNode> OpenAsync(OpenRequest request, CancellationToken cancellation)
    {
        BlockNode file = isPortable
            ? PortableStorage.Open(this, request.Options.Take("filename") ?? request.FileName, request.Flags)
            : _host.OpenStorage(new ShortCalls(clock), request, FileNodeOptions.Take(Name, request));
        return new ValueTask<BlockNode>(
            new FailingFile(file, clock) { OpenedFlags = file.OpenedFlags, FileName = file.FileName });
    }
}
