using System.Net.Sockets;

namespace Byre.Nbd.Server;

/// <summary>How a server encrypts connections and recognises its clients. Thread-safe.</summary>
public abstract class NbdServerTls
{
    /// <summary>
    /// Does the handshake on a connected socket, waiting for the client as long as it takes.
    /// </summary>
    /// <returns>The encrypted stream, which leaves the socket open when it is disposed.</returns>
    /// <exception cref="Byre.Block.Errors.BlockException">The client could not be recognised.</exception>
    public abstract Stream Authenticate(Socket socket);
}
