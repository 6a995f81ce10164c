using System.Runtime.InteropServices;
using Byre.Block.Errors;

namespace Byre.Cli.QemuNbd.Interop;

/// <summary>What a process needs to leave its terminal. Linux only.</summary>
internal static partial class Daemon
{
    private const int OpenReadWrite = 2;

    /// <summary>Starts a session of its own, with nothing to read and nowhere to print; errors stay open.</summary>
    /// <exception cref="BlockException">The system refuses.</exception>
    public static void Detach()
    {
        Check(SetSession());
        int nowhere = Open("/dev/null", OpenReadWrite);
        Check(nowhere);
        Check(Duplicate(nowhere, 0));
        Check(Duplicate(nowhere, 1));
        Check(Close(nowhere));
    }

    /// <summary>Errors go nowhere, too: who waits for them sees their end.</summary>
    /// <exception cref="BlockException">The system refuses.</exception>
    public static void CloseErrors() => Check(Duplicate(1, 2));

    private static void Check(int result)
    {
        if (result < 0)
            throw BlockException.FromErrno("Failed to daemonize", Marshal.GetLastPInvokeError());
    }

    /// <summary>A second descriptor for the same file.</summary>
    [LibraryImport("libc", EntryPoint = "dup2", SetLastError = true)]
    private static partial int Duplicate(int from, int to);

    [LibraryImport("libc", EntryPoint = "setsid", SetLastError = true)]
    private static partial int SetSession();

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "close", SetLastError = true)]
    private static partial int Close(int descriptor);
}
