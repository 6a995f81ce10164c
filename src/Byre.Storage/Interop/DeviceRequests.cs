using System.Runtime.InteropServices;

namespace Byre.Storage.Interop;

/// <summary>Numbers of the device and file requests (ioctl) that are used here.</summary>
internal static class DeviceRequests
{
    public const uint GetReadOnly = 0x125E;
    public const uint GetSectorSize = 0x1268;
    public const uint Discard = 0x1277;
    public const uint ZeroOut = 0x127F;
    public const uint GetDriveStatus = 0x5326;
    public const uint GetFileFlags = 0x80086601;
    public const uint SetFileFlags = 0x40086602;
    public const uint GetExtendedAttributes = 0x801C581F;
    public const uint SetExtendedAttributes = 0x401C5820;
}

/// <summary>
/// Argument of <see cref="DeviceRequests.Discard"/> and <see cref="DeviceRequests.ZeroOut"/>, in bytes.
/// </summary>
[StructLayout(LayoutKind.Sequential)]
internal struct DeviceRange
{
    public long Offset;
    public long Length;
}

/// <summary>Argument of the extended attribute requests (<c>struct fsxattr</c>).</summary>
[StructLayout(LayoutKind.Sequential, Size = 28)]
internal struct ExtendedAttributes
{
    public const uint HasExtentSizeHint = 0x800;

    public uint Flags;
    public uint ExtentSizeBytes;
}
