using System.Globalization;
using System.Net.Sockets;
using Byre.Block.Errors;
using Byre.Cli.Serve;
using Byre.Cli.Shared;
using Byre.Nbd.Client;
using Byre.Nbd.Server;

namespace Byre.Cli.QemuNbd;

/// <summary>
/// The front end called qemu-nbd: exports one image until the last client has gone, or until it is told to end.
/// </summary>
internal static class NbdFrontEnd
{
    private const string DefaultAddress = "127.0.0.1";
    private const string DefaultPort = "10809";

    /// <summary>Runs the program; <paramref name="arguments"/> are those after its name.</summary>
    public static async ValueTask<int> RunAsync(ProgramContext context, string[] arguments)
    {
        if (NbdOptionScanner.Scan(context, arguments, out int status) is not { } line)
            return status;
        CheckActivation(line);
        CheckTls(line);
        if (line.IsList)
            return List(context, line);
        if (line.Device is not null || line.Disconnects)
            throw BlockException.NotSupported("Kernel /dev/nbdN support not available");
        if (line.Forks && !DaemonProcess.IsDaemon)
            return await DaemonProcess.StartAsync(context, arguments, line.IsVerbose).ConfigureAwait(false);
        if (line.Forks)
            DaemonProcess.Detach();
        return await ServeAsync(context, line).ConfigureAwait(false);
    }

    private static int List(ProgramContext context, NbdCommandLine line)
    {
        var address = new NbdAddress(
            line.SocketPath, line.SocketPath is null ? line.Address ?? DefaultAddress : null, line.Port ?? DefaultPort);
        NbdClientTls? tls = line.TlsCredentials is null ? null : FindTls(line, context.Tls.ForClient);
        ExportListPrinter.Print(context.Out, NbdExportInfo.List(address, tls, line.TlsHostName ?? line.Address));
        return 0;
    }

    private static T FindTls<T>(NbdCommandLine line, Func<string, T> find)
    {
        try
        {
            return find(line.TlsCredentials!);
        }
        catch (BlockException failure)
        {
            throw failure.Prepend("Failed to get TLS creds: ");
        }
    }

    private static async ValueTask<int> ServeAsync(ProgramContext context, NbdCommandLine line)
    {
        NbdServerTls? tls = line.TlsCredentials is null
            ? null
            : FindTls(line, id => context.Tls.ForServer(id, line.TlsAuthorization));
        Socket[] sockets = OpenSockets(line);
        ExportImage image;
        try
        {
            image = await ExportImage.OpenAsync(context, line).ConfigureAwait(false);
        }
        catch
        {
            foreach (Socket socket in sockets)
                socket.Dispose();
            throw;
        }

        await using (image.ConfigureAwait(false))
        {
            var export = new NbdExport(line.ExportName ?? "", image.Backend, line.IsReadOnly)
            {
                Description = line.Description,
                OffersAllocationDepth = line.OffersAllocationDepth,
                Bitmaps = await ExportBitmaps.FindAsync(image.Backend.Root, line).ConfigureAwait(false),
            };
            await ServiceRun.RunAsync(new ServiceSettings
            {
                Exports = [export],
                Sockets = sockets,
                Options = new NbdServerOptions
                {
                    MaxClients = line.MaxClients,
                    HandshakeLimit = TimeSpan.FromSeconds(line.HandshakeSeconds),
                    Tls = tls,
                    CreateLoop = ServiceLoops.Of(line.Aio),
                    Log = context.Report,
                },
                IsPersistent = line.IsPersistent,
                Ready = _ => AnnounceReady(context, line),
            }).ConfigureAwait(false);
        }

        if (line.SocketPath is not null)
            File.Delete(line.SocketPath);
        return 0;
    }

    private static void AnnounceReady(ProgramContext context, NbdCommandLine line)
    {
        if (line.PidFile is not null)
            WritePidFile(line.PidFile);
        Directory.SetCurrentDirectory("/");
        if (line.Forks)
            DaemonProcess.ReportReady(context, line.IsVerbose);
    }

    private static void WritePidFile(string path)
    {
        try
        {
            File.WriteAllText(path, Environment.ProcessId.ToString(CultureInfo.InvariantCulture) + "\n");
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw BlockException.Invalid($"cannot create PID file: {failure.Message}");
        }
    }

    private static Socket[] OpenSockets(NbdCommandLine line)
    {
        if (SocketActivation.Count > 0)
            return SocketActivation.Take();
        return line.SocketPath is { } path
            ? [ListeningSockets.OpenUnix(path)]
            : ListeningSockets.OpenTcp(line.Address ?? DefaultAddress, line.Port ?? DefaultPort);
    }

    private static void CheckActivation(NbdCommandLine line)
    {
        int count = SocketActivation.Count;
        if (count == 0)
            return;
        string? conflict = line switch
        {
            { Device: not null } => "NBD device can't be set when using socket activation",
            { SocketPath: not null } => "Unix socket can't be set when using socket activation",
            { Address: not null } => "The interface can't be set when using socket activation",
            { Port: not null } => "TCP port number can't be set when using socket activation",
            { IsList: true } => "List mode is incompatible with socket activation",
            _ => null,
        };
        if (conflict is not null)
            throw BlockException.Invalid(conflict);
        if (count > 1)
            throw BlockException.Invalid("qemu-nbd does not support socket activation with LISTEN_FDS > 1");
    }

    private static void CheckTls(NbdCommandLine line)
    {
        if (line.TlsCredentials is null)
        {
            if (line.TlsAuthorization is not null)
                throw BlockException.Invalid("--tls-authz is not permitted without --tls-creds");
            if (line.TlsHostName is not null)
                throw BlockException.Invalid("--tls-hostname is not permitted without --tls-creds");
            return;
        }

        if (line.Device is not null)
            throw BlockException.Invalid("TLS is not supported with a host device");
        if (line.TlsAuthorization is not null && line.IsList)
            throw BlockException.Invalid("TLS authorization is incompatible with export list");
        if (line.TlsHostName is not null && !line.IsList)
            throw BlockException.Invalid("TLS hostname is only supported with export list");
    }
}
