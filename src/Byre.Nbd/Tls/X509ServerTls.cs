using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using Byre.Block.Errors;
using Byre.Nbd.Server;

namespace Byre.Nbd.Tls;

/// <summary>A server that shows a certificate, and looks at its clients'. Thread-safe.</summary>
/// <param name="credentials">A server's.</param>
/// <param name="identity">The distinguished name that a client must have ("CN=laptop,O=Example"); null for any.</param>
public sealed class X509ServerTls(X509Credentials credentials, string? identity) : NbdServerTls
{
    /// <summary>Clients are told whose certificates are asked for, and so do not show others.</summary>
    private readonly SslStreamCertificateContext _context = SslStreamCertificateContext.Create(
        credentials.Own!,
        additionalCertificates: null,
        offline: true,
        SslCertificateTrust.CreateForX509Collection([credentials.Authority!], sendTrustInHandshake: true));

    /// <inheritdoc/>
    public override Stream Authenticate(Socket socket)
    {
        var stream = new SslStream(new NetworkStream(socket, ownsSocket: false));
        string? objection = null;
        try
        {
            stream.AuthenticateAsServer(new SslServerAuthenticationOptions
            {
                ServerCertificateContext = _context,
                ClientCertificateRequired = credentials.VerifiesPeer,
                EnabledSslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13,
                RemoteCertificateValidationCallback = (_, certificate, _, _) =>
                {
                    objection = FindObjection(certificate);
                    return objection is null;
                },
            });
            return stream;
        }
        catch (Exception failure) when (failure is AuthenticationException or IOException or ObjectDisposedException)
        {
            stream.Dispose();
            throw BlockException.Invalid(objection ?? $"TLS handshake failed: {failure.Message}");
        }
    }

    private string? FindObjection(X509Certificate? certificate)
    {
        if (!credentials.VerifiesPeer)
            return null;
        if (credentials.FindObjection(certificate) is { } objection)
            return $"Verify failed: {objection}";
        string name = certificate!.Subject.Replace(", ", ",", StringComparison.Ordinal);
        return identity is null || identity == name ? null : $"TLS x509 authz check for {name} is denied";
    }
}
