using System.Diagnostics;
using Byre.Block.Errors;
using Byre.Cli.QemuNbd.Interop;
using Byre.Cli.Shared;

namespace Byre.Cli.QemuNbd;

/// <summary>
/// Going to the background. A managed process cannot fork: the program starts itself again, prints what the new process
/// complains of, and ends when that says that it is ready, or ends itself.
/// </summary>
internal static class DaemonProcess
{
    private const string Marker = "BYRE_DAEMON";

    /// <summary>What the process that stays writes to its output when it is ready.</summary>
    private const byte Ready = 1;

    /// <summary>True in the process that stays.</summary>
    public static bool IsDaemon => Environment.GetEnvironmentVariable(Marker) is not null;

    /// <summary>The name by which the process that goes was called.</summary>
    public static string? ProgramName => Environment.GetEnvironmentVariable(Marker);

    /// <summary>Starts the process that stays; returns the exit status of the one that goes.</summary>
    /// <param name="context">The streams.</param>
    /// <param name="arguments">The command line, which the new process gets again.</param>
    /// <param name="keepsErrors">The process that stays goes on printing errors.</param>
    public static async ValueTask<int> StartAsync(ProgramContext context, string[] arguments, bool keepsErrors)
    {
        string host = Environment.ProcessPath ?? throw BlockException.NotSupported("Failed to fork: no program file");
        var start = new ProcessStartInfo(host)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = !keepsErrors,
            UseShellExecute = false,
        };
        if (Path.GetFileNameWithoutExtension(host) == "dotnet")
            start.ArgumentList.Add(Environment.GetCommandLineArgs()[0]);
        foreach (string argument in arguments)
            start.ArgumentList.Add(argument);
        start.Environment[Marker] = context.ProgramName;
        using Process process = Process.Start(start) ?? throw BlockException.NotSupported("Failed to fork");
        Task<bool> errors = keepsErrors
            ? Task.FromResult(false)
            : PrintErrorsAsync(context, process.StandardError.BaseStream);
        byte[] answer = new byte[1];
        int count = await process.StandardOutput.BaseStream.ReadAsync(answer).ConfigureAwait(false);
        bool isReady = count == 1 && answer[0] == Ready;
        bool hadErrors = await errors.ConfigureAwait(false);
        return isReady && !hadErrors ? 0 : 1;
    }

    /// <summary>In the process that stays: leaves the terminal.</summary>
    public static void Detach()
    {
        Daemon.StartSession();
        Daemon.Release(0);
    }

    /// <summary>In the process that stays: lets the other one go.</summary>
    public static void ReportReady(ProgramContext context, bool keepsErrors)
    {
        context.Out.Write([Ready]);
        context.Out.Flush();
        Daemon.Release(1);
        if (!keepsErrors)
            Daemon.Release(2);
    }

    /// <summary>Prints until there is nothing more; true where there was anything.</summary>
    private static async Task<bool> PrintErrorsAsync(ProgramContext context, Stream errors)
    {
        bool any = false;
        byte[] buffer = new byte[1024];
        for (int count; (count = await errors.ReadAsync(buffer).ConfigureAwait(false)) > 0;)
        {
            any = true;
            context.Errors.Write(buffer.AsSpan(0, count));
        }

        return any;
    }
}
