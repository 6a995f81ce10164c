using System.Runtime.InteropServices;

namespace Byre.Cli.QemuIo.Interop;

/// <summary>
/// Signals to this very process, with the system's default effect: the runtime's own handlers are taken away first.
/// </summary>
internal static partial class ProcessSignals
{
    /// <summary>SIGABRT.</summary>
    public const int Abort = 6;

    private const nint DefaultAction = 0;

    /// <summary>Sends <paramref name="signal"/>; returns where the signal does not end the process.</summary>
    public static void Raise(int signal)
    {
        // Refused for SIGKILL and SIGSTOP, which need no help.
        _ = SetAction(signal, DefaultAction);
        _ = Kill(Environment.ProcessId, signal);
    }

    [LibraryImport("libc", EntryPoint = "signal")]
    private static partial nint SetAction(int signal, nint action);

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int Kill(int process, int signal);
}
