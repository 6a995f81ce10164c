using System.Net.Sockets;
using Byre.Block.Errors;
using Byre.Nbd.Client;
using Byre.Nbd.Tls.Interop;

namespace Byre.Nbd.Tls;

/// <summary>A client that the server knows by a secret key, and the other way round. Thread-safe.</summary>
/// <param name="credentials">A client's.</param>
public sealed class PskClientTls(PskCredentials credentials) : NbdClientTls
{
    /// <inheritdoc/>
    public override Stream Authenticate(Socket socket, string? hostName)
    {
        var stream = new PskStream(socket, PskSession.ForClient(credentials.UserName, credentials.Key));
        try
        {
            stream.Authenticate();
            return stream;
        }
        catch (Exception failure) when (failure is BlockException or IOException or ObjectDisposedException)
        {
            stream.Dispose();
            throw BlockException.Invalid($"TLS handshake failed: {failure.Message}");
        }
    }
}
