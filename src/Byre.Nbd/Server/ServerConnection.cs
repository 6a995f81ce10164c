using System.Net.Sockets;
using Byre.Block.Threading;
using Byre.Nbd.Transport;

namespace Byre.Nbd.Server;

/// <summary>One client from its connection to its end, on a thread of its own.</summary>
internal sealed class ServerConnection
{
    private readonly NbdServer _server;
    private readonly Socket _socket;
    private readonly Thread _thread;

    public ServerConnection(NbdServer server, Socket socket)
    {
        _server = server;
        _socket = socket;
        _thread = new Thread(Run) { IsBackground = true, Name = "nbd client" };
    }

    private NbdServerOptions Options => _server.Options;

    public void Start() => _thread.Start();

    public void Join() => _thread.Join();

    /// <summary>Ends the connection, whatever it is doing.</summary>
    public void End()
    {
        try
        {
            _socket.Shutdown(SocketShutdown.Both);
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // It ended by itself.
        }
    }

    private void Run()
    {
        bool negotiated = false;
        INbdTransport transport = NbdTransport.Create(_socket);
        try
        {
            NegotiatedSession? session = Negotiate(ref transport);
            negotiated = session is not null;
            if (session is not null)
                Transmit(session, transport);
        }
        finally
        {
            transport.Dispose();
            _socket.Dispose();
            _server.OnEnded(this, negotiated);
        }
    }

    private NegotiatedSession? Negotiate(ref INbdTransport transport)
    {
        Func<INbdTransport>? startTls = Options.Tls is { } tls
            ? () => new StreamTransport(tls.Authenticate(_socket), _socket)
            : null;
        var handshake = new ServerHandshake(transport, _server.Exports, startTls, Options.MaxClients != 1);
        bool isLimited = Options.HandshakeLimit > TimeSpan.Zero;
        using Timer? timer = isLimited
            ? new Timer(_ => End(), null, Options.HandshakeLimit, Timeout.InfiniteTimeSpan)
            : null;
        try
        {
            return handshake.Run();
        }
        catch (NegotiationException failure)
        {
            Options.Log?.Invoke($"option negotiation failed: {failure.Message}");
            return null;
        }
        finally
        {
            transport = handshake.Transport;
        }
    }

    private void Transmit(NegotiatedSession session, INbdTransport transport)
    {
        SubmissionLoop? loop = transport.Descriptor is null ? null : Options.CreateLoop?.Invoke();
        using var transmission = new Transmission(session, transport, loop);
        if (transmission.Run() is { } reason)
            Options.Log?.Invoke($"Disconnect client, due to: {reason}");
    }
}
