using Byre.Block.Graph;
using Byre.Cli.QemuNbd;
using Byre.Nbd.Server;

namespace Byre.Cli.Serve;

/// <summary>Serves until it is told to end. Stateless.</summary>
internal static class ServiceRun
{
    /// <summary>Threads that may wait for disks at once: as many as a client has requests.</summary>
    private const int WaitingThreads = 64;

    /// <exception cref="Byre.Block.Errors.BlockException">The service cannot begin.</exception>
    public static async ValueTask RunAsync(ServiceSettings settings)
    {
        ThreadPool.GetMinThreads(out _, out int completionThreads);
        ThreadPool.SetMinThreads(WaitingThreads, completionThreads);
        using var server = new NbdServer(settings.Exports, settings.Options);
        using var ending = new EndSignals();
        server.ClientGone = (hadNegotiated, left) =>
        {
            if (hadNegotiated && left == 0 && !settings.IsPersistent)
                ending.End();
        };
        using MetricsListener? metrics =
            settings.MetricsAddress is { } address ? new MetricsListener(address, server) : null;
        using var meter = new ServerMeter(server);
        using var images = new NodeMeter();
        foreach (NbdExport export in settings.Exports)
            images.Watch(export.Name, export.Backend.Root);
        using IDisposable? collector =
            settings.Collector is { } collectorAddress ? OtlpExport.Start(collectorAddress) : null;
        foreach (System.Net.Sockets.Socket socket in settings.Sockets)
            server.Listen(socket);
        settings.Ready(metrics?.Uri);
        await ending.Ended.ConfigureAwait(false);
        server.Stop();
    }
}
