using System.Globalization;
using System.Net.Sockets;
using Byre.Block.Errors;
using Byre.Block.Graph;
using Byre.Nbd.Protocol;

namespace Byre.Nbd.Client;

/// <summary>Where a server listens. Immutable.</summary>
/// <param name="Path">A Unix socket; null for TCP.</param>
/// <param name="Host">A name or address; null for a Unix socket.</param>
/// <param name="Port">A port's number.</param>
public sealed record NbdAddress(string? Path, string? Host, string Port)
{
    /// <summary>The port of servers that are not told one.</summary>
    public static string DefaultPort { get; } = NbdLimits.DefaultPort.ToString(CultureInfo.InvariantCulture);

    /// <summary>Takes "server.*" out of <paramref name="options"/>, or the older path, host and port.</summary>
    /// <exception cref="BlockException">None or too many are given.</exception>
    internal static NbdAddress Take(OptionSet options)
    {
        string? path = options.Take("path");
        string? host = options.Take("host");
        string? port = options.Take("port");
        OptionSet server = options.TakeSubset("server.");
        if (path is not null || host is not null || port is not null)
            return FromPlainOptions(path, host, port, server);
        if (server.IsEmpty)
            throw BlockException.Invalid("NBD server address missing");
        string type = server.Take("type") ?? throw BlockException.Invalid("Parameter 'server.type' is missing");
        NbdAddress address = type switch
        {
            "unix" => new NbdAddress(Require(server, "path"), null, ""),
            "inet" => new NbdAddress(null, Require(server, "host"), Require(server, "port")),
            _ => throw BlockException.Invalid($"Parameter 'server.type' does not accept value '{type}'"),
        };
        foreach (string known in (ReadOnlySpan<string>)["numeric", "ipv4", "ipv6", "keep-alive", "abstract", "tight"])
            server.Take(known);
        if (!server.IsEmpty)
            throw BlockException.Invalid($"Parameter 'server.{server.Keys[0]}' is unexpected");
        return address;
    }

    /// <summary>Connects, waiting as long as it takes.</summary>
    /// <exception cref="BlockException">"Failed to connect to 'A': Connection refused".</exception>
    internal Socket Connect()
    {
        Socket socket = Path is not null
            ? new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified)
            : new Socket(SocketType.Stream, ProtocolType.Tcp);
        try
        {
            if (Path is not null)
                socket.Connect(new UnixDomainSocketEndPoint(Path));
            else
                socket.Connect(Host!, int.Parse(Port, NumberStyles.None, CultureInfo.InvariantCulture));
            return socket;
        }
        catch (SocketException failure)
        {
            socket.Dispose();
            bool isUnresolved = failure.SocketErrorCode is SocketError.HostNotFound or SocketError.TryAgain
                or SocketError.NoData or SocketError.NoRecovery;
            throw isUnresolved
                ? BlockException.Invalid($"address resolution failed for {this}: Name or service not known")
                : BlockException.FromErrno($"Failed to connect to '{this}'", ErrnoOf(failure));
        }
        catch (Exception failure) when (failure is ArgumentException or FormatException or OverflowException)
        {
            socket.Dispose();
            throw BlockException.Invalid(Path is not null
                ? $"UNIX socket path '{Path}' is too long"
                : $"address resolution failed for {this}: Servname not supported for ai_socktype");
        }
    }

    /// <summary>"host:port", or the path.</summary>
    public override string ToString() => Path ?? $"{Host}:{Port}";

    // The runtime has no name of its own for a missing file, and reports another error in its place.
    private static int ErrnoOf(SocketException failure) =>
        failure.SocketErrorCode == SocketError.AddressNotAvailable ? Errno.NoEntry : failure.NativeErrorCode;

    private static NbdAddress FromPlainOptions(string? path, string? host, string? port, OptionSet server)
    {
        if (!server.IsEmpty)
            throw BlockException.Invalid("Cannot use 'server' and path/host/port at the same time");
        if (path is not null && host is not null)
            throw BlockException.Invalid("path and host may not be used at the same time");
        if (path is null && host is null)
            throw BlockException.Invalid("NBD server address missing");
        if (path is not null && port is not null)
            throw BlockException.Invalid("port may not be used without host");
        return new NbdAddress(path, host, port ?? DefaultPort);
    }

    private static string Require(OptionSet server, string key) =>
        server.Take(key) ?? throw BlockException.Invalid($"Parameter 'server.{key}' is missing");
}
