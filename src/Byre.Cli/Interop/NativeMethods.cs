using System.Runtime.InteropServices;

namespace Byre.Cli.Interop;

/// <summary>
/// The C library's calls that the program needs before, or instead of, anything heavier of the runtime.
/// </summary>
internal static unsafe partial class NativeMethods
{
    /// <summary>Writes the beginning of <paramref name="bytes"/>; how many, or a negative number on failure.</summary>
    internal static int Write(int descriptor, ReadOnlySpan<byte> bytes)
    {
        fixed (byte* start = bytes)
            return (int)Write(descriptor, start, (nuint)bytes.Length);
    }

    /// <summary>1 where the descriptor is a terminal.</summary>
    [LibraryImport("libc", EntryPoint = "isatty")]
    internal static partial int IsTerminal(int descriptor);

    /// <summary>Sends a signal to a process.</summary>
    [LibraryImport("libc", EntryPoint = "kill")]
    internal static partial int Kill(int process, int signal);

    [LibraryImport("libc", EntryPoint = "write")]
    private static partial nint Write(int descriptor, byte* buffer, nuint count);
}
