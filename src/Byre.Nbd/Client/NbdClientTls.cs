using System.Net.Sockets;

namespace Byre.Nbd.Client;

/// <summary>How a client encrypts connections and recognises servers. Thread-safe.</summary>
public abstract class NbdClientTls
{
    /// <summary>Does the handshake on a connected socket, waiting for the server as long as it takes.</summary>
    /// <param name="socket">The connection.</param>
    /// <param name="hostName">The name that the server must have; null where none is known.</param>
    /// <returns>The encrypted stream, which leaves the socket open when it is disposed.</returns>
    /// <exception cref="Byre.Block.Errors.BlockException">The server could not be recognised.</exception>
    public abstract Stream Authenticate(Socket socket, string? hostName);
}
