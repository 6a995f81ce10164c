using System.Runtime.InteropServices;

namespace Byre.Storage.Interop;

/// <summary>Argument of the extended attribute requests (<c>struct fsxattr</c>).</summary>
[StructLayout(LayoutKind.Sequential, Size = 28)]
internal struct ExtendedAttributes
{
    public const uint HasExtentSizeHint = 0x800;

    public uint Flags;
    public uint ExtentSizeBytes;
}
