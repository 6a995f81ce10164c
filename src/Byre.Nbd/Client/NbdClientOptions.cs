using System.Text;
using Byre.Block.Errors;
using Byre.Block.Graph;
using Byre.Nbd.Protocol;

namespace Byre.Nbd.Client;

/// <summary>What a client node was opened with. Immutable.</summary>
internal sealed record NbdClientOptions
{
    /// <summary>More connections than this gain nothing and cost the server a thread each.</summary>
    private const int MaxConnections = 16;

    public required NbdAddress Address { get; init; }

    /// <summary>The export's name; null where none was given, which asks for the default one.</summary>
    public string? Export { get; init; }

    /// <summary>Null for plain connections.</summary>
    public NbdClientTls? Tls { get; init; }

    public string? TlsHostName { get; init; }

    /// <summary>The context to ask for instead of base:allocation; null for none.</summary>
    public string? DirtyBitmap { get; init; }

    /// <summary>How long requests wait for a lost connection to come back; zero: they fail.</summary>
    public TimeSpan ReconnectDelay { get; init; }

    /// <summary>How long opening tries to connect; zero: once.</summary>
    public TimeSpan OpenTimeout { get; init; }

    /// <summary>Connections to open, where the server allows more than one.</summary>
    public int Connections { get; init; } = 1;

    /// <summary>Takes the options of a node.</summary>
    /// <exception cref="BlockException">One is wrong.</exception>
    public static NbdClientOptions Take(OptionSet options, Func<string, NbdClientTls>? findTls)
    {
        string? export = options.Take("export");
        string? hostName = options.Take("tls-hostname");
        NbdClientTls? tls = NbdTlsOptions.Take(options, findTls);
        string? bitmap = options.Take("x-dirty-bitmap");
        TimeSpan reconnectDelay = TakeSeconds(options, "reconnect-delay");
        TimeSpan openTimeout = TakeSeconds(options, "open-timeout");
        long connections = options.TakeNumber("multi-conn") ?? 1;
        if (connections is < 1 or > MaxConnections)
            throw BlockException.Invalid($"multi-conn must be between 1 and {MaxConnections}");
        NbdAddress address = NbdAddress.Take(options);
        if (export is not null && Encoding.UTF8.GetByteCount(export) > NbdLimits.MaxStringBytes)
            throw BlockException.Invalid("export name too long to send to server");
        if (bitmap is not null && Encoding.UTF8.GetByteCount(bitmap) > NbdLimits.MaxStringBytes)
            throw BlockException.Invalid("x-dirty-bitmap query too long to send to server");
        return new NbdClientOptions
        {
            Address = address,
            Export = export,
            Tls = tls,
            TlsHostName = hostName ?? address.Host,
            DirtyBitmap = bitmap,
            ReconnectDelay = reconnectDelay,
            OpenTimeout = openTimeout,
            Connections = (int)connections,
        };
    }

    private static TimeSpan TakeSeconds(OptionSet options, string key) =>
        TimeSpan.FromSeconds(Math.Clamp(options.TakeNumber(key) ?? 0, 0, int.MaxValue));
}
