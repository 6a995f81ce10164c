using System.Runtime.InteropServices;

namespace Byre.Nbd.Transport.Interop;

/// <summary>The kernel's struct iovec.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct MemorySegment
{
    public byte* Start;
    public nuint LengthBytes;
}
