using System.Runtime.InteropServices;
using Byre.Block.Errors;
using Microsoft.Win32.SafeHandles;

namespace Byre.Storage.IoUring;

/// <summary>A descriptor that becomes readable when any thread signals it (eventfd).</summary>
internal sealed unsafe class WakeEvent : IDisposable
{
    private const int CloseOnExecute = 0x80000;
    private const int NonBlocking = 0x800;

    private readonly SafeFileHandle _handle;

    public WakeEvent()
    {
        int descriptor = LibC.EventDescriptor(0, CloseOnExecute | NonBlocking);
        if (descriptor < 0)
            throw BlockException.FromErrno("Could not create an event descriptor", Marshal.GetLastPInvokeError());
        _handle = new SafeFileHandle(descriptor, ownsHandle: true);
        Descriptor = descriptor;
    }

    public int Descriptor { get; }

    /// <summary>Makes the descriptor readable. From any thread.</summary>
    public void Signal()
    {
        ulong one = 1;
        // It fails only where the count is full: then it is readable.
        _ = LibC.Write(Descriptor, &one, sizeof(ulong));
    }

    /// <summary>Makes it unreadable again.</summary>
    public void Reset()
    {
        ulong count;
        // It fails only where nobody has signalled.
        _ = LibC.Read(Descriptor, &count, sizeof(ulong));
    }

    public void Dispose() => _handle.Dispose();
}
