using System.Globalization;
using System.Runtime.InteropServices;
using Byre.Block.Errors;

namespace Byre.Cli.QemuNbd.Interop;

/// <summary>What a process needs to leave its terminal. Linux only.</summary>
internal static unsafe partial class Daemon
{
    private const int OpenReadWrite = 2;
    private const int LinkBytes = 4096;

    /// <summary>Starts a session of its own.</summary>
    /// <exception cref="BlockException">The system refuses.</exception>
    public static void StartSession() => Check(SetSession());

    /// <summary>
    /// Lets go of what a standard descriptor leads to, which then leads nowhere. The runtime keeps copies of the first
    /// three descriptors: they go, too, or whoever waits for the end of the file would wait for ever.
    /// </summary>
    /// <exception cref="BlockException">The system refuses.</exception>
    public static void Release(int descriptor)
    {
        string target = TargetOf(descriptor);
        int nowhere = Open("/dev/null", OpenReadWrite);
        Check(nowhere);
        Check(Duplicate(nowhere, descriptor));
        foreach (string entry in Directory.EnumerateFileSystemEntries("/proc/self/fd"))
        {
            int other = int.Parse(Path.GetFileName(entry), NumberStyles.None, CultureInfo.InvariantCulture);
            if (other > 2 && other != nowhere && target.Length > 0 && TargetOf(other) == target)
                Check(Duplicate(nowhere, other));
        }

        Check(Close(nowhere));
    }

    private static string TargetOf(int descriptor)
    {
        byte* buffer = stackalloc byte[LinkBytes];
        nint length = ReadLink($"/proc/self/fd/{descriptor}", buffer, LinkBytes);
        return length > 0 ? System.Text.Encoding.UTF8.GetString(buffer, (int)length) : "";
    }

    private static void Check(int result)
    {
        if (result < 0)
            throw BlockException.FromErrno("Failed to daemonize", Marshal.GetLastPInvokeError());
    }

    [LibraryImport("libc", EntryPoint = "dup2", SetLastError = true)]
    private static partial int Duplicate(int from, int to);

    [LibraryImport("libc", EntryPoint = "setsid", SetLastError = true)]
    private static partial int SetSession();

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "close", SetLastError = true)]
    private static partial int Close(int descriptor);

    [LibraryImport("libc", EntryPoint = "readlink", StringMarshalling = StringMarshalling.Utf8)]
    private static partial nint ReadLink(string path, byte* buffer, nuint length);
}
