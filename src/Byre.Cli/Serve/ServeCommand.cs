using System.Net;
using System.Net.Sockets;
using Byre.Block.Errors;
using Byre.Cli.QemuNbd;
using Byre.Cli.Shared;
using Byre.Nbd.Server;

namespace Byre.Cli.Serve;

/// <summary>
/// <c>byre serve [OPTIONS] [NAME=]FILE...</c>: exports images over NBD until it is told to end. Where nothing else is
/// asked for it listens on a Unix socket in the current directory.
/// </summary>
internal sealed class ServeCommand : Verb
{
    private const string DefaultSocket = "byre.sock";
    private const string DefaultAddress = "127.0.0.1";
    private const string DefaultPort = "10809";

    /// <inheritdoc/>
    public override string Name => "serve";

    /// <inheritdoc/>
    public override async ValueTask<int> RunAsync(string[] arguments, ProgramContext context)
    {
        ServeArguments parsed = ServeArguments.Parse(arguments, context);
        if (parsed.AsksForHelp)
        {
            context.Out.Write(ServeArguments.Help);
            return 0;
        }

        // Sockets of a service manager stay its own: their files are not ours to remove.
        bool isActivated = SocketActivation.Count > 0;
        string? path = isActivated || parsed.UsesTcp ? null : Path.GetFullPath(parsed.SocketPath ?? DefaultSocket);
        Socket[] sockets = isActivated
            ? SocketActivation.Take()
            : path is null
                ? ListeningSockets.OpenTcp(parsed.Address ?? DefaultAddress, parsed.Port ?? DefaultPort)
                : [ListeningSockets.OpenUnix(path)];
        try
        {
            await ServeAsync(context, parsed, sockets, path).ConfigureAwait(false);
            return 0;
        }
        finally
        {
            foreach (Socket socket in sockets)
                socket.Dispose();
            if (path is not null)
                File.Delete(path);
        }
    }

    private static async ValueTask ServeAsync(
        ProgramContext context, ServeArguments parsed, Socket[] sockets, string? path)
    {
        var images = new Stack<ExportImage>();
        try
        {
            var exports = new List<NbdExport>();
            foreach ((string name, string file) in parsed.Images)
            {
                NbdCommandLine line = parsed.LineFor(file);
                ExportImage image = await ExportImage.OpenAsync(context, line).ConfigureAwait(false);
                images.Push(image);
                exports.Add(new NbdExport(name, image.Backend, line.IsReadOnly)
                {
                    Description = parsed.Description,
                    OffersAllocationDepth = true,
                });
            }

            await ServiceRun.RunAsync(new ServiceSettings
            {
                Exports = exports,
                Sockets = sockets,
                Options = new NbdServerOptions
                {
                    MaxClients = parsed.MaxClients,
                    Tls = parsed.TlsCredentials is { } id ? context.Tls.ForServer(id, parsed.TlsAuthorization) : null,
                    CreateLoop = ServiceLoops.Of(parsed.Aio),
                    Log = context.Report,
                },
                IsPersistent = !parsed.EndsWithLastClient,
                MetricsAddress = parsed.Metrics,
                Collector = parsed.Collector,
                Ready = metrics => Announce(context, parsed, exports, sockets, path, metrics),
            }).ConfigureAwait(false);
        }
        finally
        {
            while (images.TryPop(out ExportImage? image))
                await image.DisposeAsync().ConfigureAwait(false);
        }
    }

    private static void Announce(
        ProgramContext context,
        ServeArguments parsed,
        List<NbdExport> exports,
        Socket[] sockets,
        string? path,
        string? metrics)
    {
        string scheme = parsed.TlsCredentials is null ? "nbd" : "nbds";
        foreach (NbdExport export in exports)
        {
            string name = Uri.EscapeDataString(export.Name);
            string uri = sockets[0].LocalEndPoint is IPEndPoint end
                ? $"{scheme}://{end}/{name}"
                : $"{scheme}+unix:///{name}?socket={path ?? sockets[0].LocalEndPoint?.ToString()}";
            context.Out.WriteLine(uri);
        }

        if (metrics is not null)
            context.Out.WriteLine(metrics);
        context.Out.Flush();
    }
}
