using System.Runtime.InteropServices;

namespace Byre.Storage.Interop;

/// <summary>
/// Argument of <see cref="DeviceRequests.Discard"/> and <see cref="DeviceRequests.ZeroOut"/>, in bytes.
/// </summary>
[StructLayout(LayoutKind.Sequential)]
internal struct DeviceRange
{
    public long Offset;
    public long Length;
}
