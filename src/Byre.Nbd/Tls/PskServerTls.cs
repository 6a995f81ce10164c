using System.Net.Sockets;
using Byre.Block.Errors;
using Byre.Nbd.Server;
using Byre.Nbd.Tls.Interop;

namespace Byre.Nbd.Tls;

/// <summary>A server that lets in whoever has one of its secret keys. Thread-safe.</summary>
/// <param name="credentials">A server's.</param>
public sealed class PskServerTls(PskCredentials credentials) : NbdServerTls
{
    /// <inheritdoc/>
    public override Stream Authenticate(Socket socket)
    {
        bool asked = false;
        var stream = new PskStream(socket, PskSession.ForServer(name =>
        {
            asked = true;
            return credentials.Find(name);
        }));
        try
        {
            stream.Authenticate();
            return stream;
        }
        catch (Exception failure) when (failure is BlockException or IOException or ObjectDisposedException)
        {
            stream.Dispose();
            // Whether it is the name or the key that is wrong is nobody's business.
            string reason = failure is BlockException && asked
                ? "An illegal parameter has been received."
                : failure.Message;
            throw BlockException.Invalid($"TLS handshake failed: {reason}");
        }
    }
}
