using System.Runtime.InteropServices;

namespace Byre.Nbd.Transport.Interop;

/// <summary>The kernel's struct pollfd.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct PollEntry
{
    public int Descriptor;
    public short Events;
    public short Returned;
}
