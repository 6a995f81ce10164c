using System.Net.Sockets;
using Byre.Nbd.Server;

namespace Byre.Cli.Serve;

/// <summary>What a server serves, where, and how long. Immutable.</summary>
internal sealed record ServiceSettings
{
    public required IReadOnlyList<NbdExport> Exports { get; init; }

    /// <summary>Listening; the service closes them.</summary>
    public required Socket[] Sockets { get; init; }

    public required NbdServerOptions Options { get; init; }

    /// <summary>False: the service ends when the last client has gone.</summary>
    public bool IsPersistent { get; init; }

    /// <summary>Where the metrics page is to be; null for none.</summary>
    public string? MetricsAddress { get; init; }

    /// <summary>The OpenTelemetry collector that is told the figures; null for none.</summary>
    public Uri? Collector { get; init; }

    /// <summary>Called once clients are served, with the address of the metrics page.</summary>
    public required Action<string?> Ready { get; init; }
}
