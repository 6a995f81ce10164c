using System.Runtime.InteropServices;

namespace Byre.Nbd.Transport.Interop;

/// <summary>The C library's socket functions, as they are. 64-bit Linux only.</summary>
internal static unsafe partial class LibC
{
    /// <summary>No SIGPIPE.</summary>
    public const int MessageNoSignal = 0x4000;

    public const int MessageDoNotWait = 0x40;
    public const short PollIn = 1;
    public const short PollOut = 4;

    [LibraryImport("libc", EntryPoint = "recv", SetLastError = true)]
    internal static partial nint Receive(int socket, byte* buffer, nuint length, int flags);

    [LibraryImport("libc", EntryPoint = "sendmsg", SetLastError = true)]
    internal static partial nint SendMessage(int socket, MessageHeader* message, int flags);

    [LibraryImport("libc", EntryPoint = "poll", SetLastError = true)]
    internal static partial int Poll(PollEntry* entries, nuint count, int timeoutMilliseconds);
}
