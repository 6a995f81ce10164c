using System.Runtime.InteropServices;

namespace Byre.Cli.Interop;

/// <summary>
/// The C library's calls that the program needs before, or instead of, anything heavier of the runtime.
/// </summary>
internal static unsafe partial class NativeMethods
{
    /// <summary>Writes to a file descriptor; negative on failure.</summary>
    [LibraryImport("libc", EntryPoint = "write")]
    internal static partial nint Write(int descriptor, byte* buffer, nuint count);

    /// <summary>1 where the descriptor is a terminal.</summary>
    [LibraryImport("libc", EntryPoint = "isatty")]
    internal static partial int IsTerminal(int descriptor);

    /// <summary>Sends a signal to a process.</summary>
    [LibraryImport("libc", EntryPoint = "kill")]
    internal static partial int Kill(int process, int signal);
}
