using System.Runtime.InteropServices;

namespace Byre.Nbd.Transport.Interop;

/// <summary>The kernel's struct msghdr.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct MessageHeader
{
    public void* Name;
    public uint NameLength;
    public MemorySegment* Segments;
    public nuint SegmentCount;
    public void* Control;
    public nuint ControlLength;
    public int Flags;
}
