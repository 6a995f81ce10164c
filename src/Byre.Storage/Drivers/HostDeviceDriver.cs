using Byre.Block.Errors;
using Byre.Block.Graph;
using Byre.Storage.Files;
using Byre.Storage.Interop;

namespace Byre.Storage.Drivers;

/// <summary>The driver "host_device": block and character devices. Linux only. Stateless.</summary>
public class HostDeviceDriver : HostFileDriver
{
    private const int Certain = 100;
    private const int Likely = 50;

    /// <inheritdoc/>
    public override string Name => "host_device";

    /// <inheritdoc/>
    public override int ProbeDevice(string fileName)
    {
        if (!OperatingSystem.IsLinux())
            return 0;
        // Leaves the name to the more special driver.
        if (fileName.StartsWith("/dev/cdrom", StringComparison.Ordinal))
            return Likely;
        return SystemCalls.Kernel.Stat(fileName, out FileFacts facts) >= 0 && facts.IsDevice ? Certain : 0;
    }

    private protected override BlockNode OpenNode(OpenRequest request, FileNodeOptions options) =>
        OperatingSystem.IsLinux()
            ? base.OpenNode(request, options)
            : throw BlockException.NotSupported($"The '{Name}' block driver is only available on Linux");

    private protected override void CheckType(in FileFacts facts, string fileName)
    {
        if (!facts.IsDevice)
            throw BlockException.Invalid(
                $"'{Name}' driver requires '{fileName}' to be either a character or block device");
    }
}
