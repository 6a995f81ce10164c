using System.Runtime.InteropServices;

namespace Byre.Storage.Interop;

/// <summary>
/// What <c>statx</c> tells of a file, in the kernel's layout (256 bytes, the same on every architecture).
/// </summary>
[StructLayout(LayoutKind.Explicit, Size = 256)]
internal struct FileFacts
{
    private const int TypeMask = 0xF000;
    private const int CharacterDeviceType = 0x2000;
    private const int BlockDeviceType = 0x6000;
    private const int RegularType = 0x8000;
    private const uint DirectIoBit = 0x2000;

    [FieldOffset(0)]
    public uint Mask;

    [FieldOffset(28)]
    public ushort Mode;

    [FieldOffset(32)]
    public ulong Inode;

    [FieldOffset(40)]
    public long SizeBytes;

    /// <summary>Allocated space in units of 512 bytes.</summary>
    [FieldOffset(48)]
    public long Blocks;

    [FieldOffset(136)]
    public uint DeviceMajor;

    [FieldOffset(140)]
    public uint DeviceMinor;

    /// <summary>Memory alignment of direct I/O; valid with <see cref="KnowsDirectAlignment"/>.</summary>
    [FieldOffset(152)]
    public uint DirectMemoryAlignmentBytes;

    /// <summary>Offset and length alignment of direct I/O; valid with <see cref="KnowsDirectAlignment"/>.</summary>
    [FieldOffset(156)]
    public uint DirectOffsetAlignmentBytes;

    public readonly bool IsRegular => (Mode & TypeMask) == RegularType;

    public readonly bool IsBlockDevice => (Mode & TypeMask) == BlockDeviceType;

    public readonly bool IsDevice => IsBlockDevice || (Mode & TypeMask) == CharacterDeviceType;

    public readonly bool KnowsDirectAlignment =>
        (Mask & DirectIoBit) != 0 && DirectOffsetAlignmentBytes != 0 && DirectMemoryAlignmentBytes != 0;

    public readonly bool IsSameFile(in FileFacts other) =>
        Inode == other.Inode && DeviceMajor == other.DeviceMajor && DeviceMinor == other.DeviceMinor;
}
