using Byre.Block.Errors;
using Byre.Block.Formats;
using Byre.Block.Graph;

namespace Byre.Qcow2.Tests.Faults;

/// <summary>The driver "file" over devices in memory, whose calls fail as their clock says. For one thread.</summary>
internal sealed class FaultFileDriver(FaultClock clock) : BlockDriver
{
    public override string Name => "file";

    public override bool IsProtocol => true;

    /// <summary>Everything that was ever created.</summary>
    public Dictionary<string, FaultDevice> Files { get; } = [];

    /// <summary>An opener that finds images in these files.</summary>
    public ImageOpener MakeOpener() => new(new DriverRegistry(new RawDriver(), this, new Qcow2Driver()))
    {
        ImplicitOpens = ImplicitOpenPolicy.AllowAll,
    };

    public void Add(string name, byte[] content) =>
        Files[name] = FaultDevice.Holding(content, clock, flushesOnClose: true);

    public override ValueTask CreateAsync(CreateRequest request, CancellationToken cancellation)
    {
        request.Options.Take("size");
        Add(request.FileName, []);
        return default;
    }

    public override ValueTask<BlockNode> OpenAsync(OpenRequest request, CancellationToken cancellation)
    {
        string name = request.Options.Take("filename") ?? request.FileName;
        if (!Files.TryGetValue(name, out FaultDevice? file) || file.IsDeleted)
            throw BlockException.FromErrno($"Could not open '{name}'", Errno.NoEntry);
        file.Reopen();
        file.OpenedFlags = request.Flags;
        file.FileName = name;
        return new ValueTask<BlockNode>(file);
    }
}
