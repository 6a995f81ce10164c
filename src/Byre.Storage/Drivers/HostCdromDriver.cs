using Byre.Storage.Files;
using Byre.Storage.Interop;

namespace Byre.Storage.Drivers;

/// <summary>The driver "host_cdrom": optical drives, opened even while they are empty. Linux only. Stateless.</summary>
public sealed class HostCdromDriver : HostDeviceDriver
{
    private const int Certain = 100;

    /// <inheritdoc/>
    public override string Name => "host_cdrom";

    private protected override OpenMode ExtraMode => OpenMode.NonBlocking;

    /// <inheritdoc/>
    public override int ProbeDevice(string fileName)
    {
        if (!OperatingSystem.IsLinux() || SystemCalls.Kernel.Stat(fileName, out FileFacts facts) < 0 ||
            !facts.IsBlockDevice)
            return 0;
        int fd = SystemCalls.Kernel.Open(fileName, OpenMode.NonBlocking);
        if (fd < 0)
            return 0;
        using var handle = new Microsoft.Win32.SafeHandles.SafeFileHandle(fd, ownsHandle: true);
        // The request answers with a drive status, and takes no argument but the number of the current slot.
        return SystemCalls.Kernel.Control(fd, DeviceRequests.GetDriveStatus, int.MaxValue) >= 0 ? Certain : 0;
    }
}
