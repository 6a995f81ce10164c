using System.Diagnostics;
using Byre.Block.Errors;
using Byre.Cli.QemuNbd.Interop;
using Byre.Cli.Shared;

namespace Byre.Cli.QemuNbd;

/// <summary>
/// Going to the background. A managed process cannot fork: the program starts itself again, and prints what the new
/// process complains of until that says it is ready by closing its errors.
/// </summary>
internal static class DaemonProcess
{
    private const string Marker = "BYRE_DAEMON";

    /// <summary>True in the process that stays.</summary>
    public static bool IsDaemon => Environment.GetEnvironmentVariable(Marker) is not null;

    /// <summary>The name by which the process that goes was called.</summary>
    public static string? ProgramName => Environment.GetEnvironmentVariable(Marker);

    /// <summary>Starts the process that stays; returns the exit status of the one that goes.</summary>
    public static async ValueTask<int> StartAsync(ProgramContext context, string[] arguments)
    {
        string host = Environment.ProcessPath ?? throw BlockException.NotSupported("Failed to fork: no program file");
        var start = new ProcessStartInfo(host) { RedirectStandardError = true, UseShellExecute = false };
        if (Path.GetFileNameWithoutExtension(host) == "dotnet")
            start.ArgumentList.Add(Environment.GetCommandLineArgs()[0]);
        foreach (string argument in arguments)
            start.ArgumentList.Add(argument);
        start.Environment[Marker] = context.ProgramName;
        using Process process = Process.Start(start) ?? throw BlockException.NotSupported("Failed to fork");
        bool hadErrors = false;
        byte[] buffer = new byte[1024];
        Stream errors = process.StandardError.BaseStream;
        for (int count; (count = await errors.ReadAsync(buffer).ConfigureAwait(false)) > 0;)
        {
            hadErrors = true;
            context.Errors.Write(buffer.AsSpan(0, count));
        }

        return hadErrors ? 1 : 0;
    }

    /// <summary>In the process that stays: leaves the terminal.</summary>
    public static void Detach() => Daemon.Detach();

    /// <summary>In the process that stays: lets the other one go.</summary>
    public static void ReportReady(bool keepErrors)
    {
        if (!keepErrors)
            Daemon.CloseErrors();
    }
}
