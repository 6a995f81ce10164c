using System.Net.Sockets;
using Byre.Nbd.Transport.Interop;

namespace Byre.Nbd.Transport;

/// <summary>Chooses the transport for a socket. Stateless.</summary>
internal static class NbdTransport
{
    /// <summary>The fastest one that this system has. The socket belongs to it.</summary>
    public static INbdTransport Create(Socket socket)
    {
        if (OperatingSystem.IsLinux())
            return new SocketTransport(socket);
        if (socket.ProtocolType == ProtocolType.Tcp)
            socket.NoDelay = true;
        return new StreamTransport(new NetworkStream(socket, ownsSocket: false), socket);
    }
}
