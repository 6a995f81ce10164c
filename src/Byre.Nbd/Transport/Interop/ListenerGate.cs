using System.IO.Pipes;
using System.Net.Sockets;

namespace Byre.Nbd.Transport.Interop;

/// <summary>
/// Waits for clients of listening sockets in a way that can be ended from outside and does nothing to the sockets,
/// which a service manager may have, too. Linux. Thread-safe.
/// </summary>
internal sealed unsafe class ListenerGate : IDisposable
{
    /// <summary>Closed to end all waiting: its other end then counts as readable.</summary>
    private readonly AnonymousPipeServerStream _pipe = new(PipeDirection.Out);

    /// <summary>Returns when a client may be there; false where <see cref="Close"/> was called.</summary>
    public bool Wait(Socket listener)
    {
        PollEntry* entries = stackalloc PollEntry[2];
        entries[0] = new PollEntry { Descriptor = (int)listener.Handle, Events = LibC.PollIn };
        entries[1] = new PollEntry
        {
            Descriptor = (int)_pipe.ClientSafePipeHandle.DangerousGetHandle(), Events = LibC.PollIn,
        };
        const int Forever = -1;
        while (LibC.Poll(entries, 2, Forever) < 0)
        {
            // Interrupted by a signal.
        }

        return entries[1].Returned == 0;
    }

    /// <summary>Ends all waiting, now and later.</summary>
    public void Close() => _pipe.SafePipeHandle.Dispose();

    public void Dispose() => _pipe.Dispose();
}
