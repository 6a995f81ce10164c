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
