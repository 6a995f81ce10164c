using Byre.Block.Threading;
using Byre.Nbd.Protocol;

namespace Byre.Nbd.Server;

/// <summary>How a server treats its clients. Immutable.</summary>
public sealed record NbdServerOptions
{
    /// <summary>Clients at the same time; further ones wait to be accepted. 0 for any number.</summary>
    public int MaxClients { get; init; }

    /// <summary>How long a client may take to choose an export; zero for any time.</summary>
    public TimeSpan HandshakeLimit { get; init; } = TimeSpan.FromSeconds(NbdLimits.DefaultHandshakeSeconds);

    /// <summary>What clients must show before anything is served; null for plain connections.</summary>
    public NbdServerTls? Tls { get; init; }

    /// <summary>
    /// Makes a loop for the calling thread, which serves one connection; null, or a result of null, where each request
    /// that has to wait is left to a worker thread.
    /// </summary>
    public Func<SubmissionLoop?>? CreateLoop { get; init; }

    /// <summary>Receives a line, without prefix and line end, for each client that was sent away; null drops
    /// them.</summary>
    public Action<string>? Log { get; init; }
}
