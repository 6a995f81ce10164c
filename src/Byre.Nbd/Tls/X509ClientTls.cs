using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using Byre.Block.Errors;
using Byre.Nbd.Client;

namespace Byre.Nbd.Tls;

/// <summary>A client that looks at the server's certificate, and shows its own if it has one. Thread-safe.</summary>
/// <param name="credentials">A client's.</param>
public sealed class X509ClientTls(X509Credentials credentials) : NbdClientTls
{
    /// <inheritdoc/>
    public override Stream Authenticate(Socket socket, string? hostName)
    {
        var stream = new SslStream(new NetworkStream(socket, ownsSocket: false));
        string? objection = null;
        try
        {
            stream.AuthenticateAsClient(new SslClientAuthenticationOptions
            {
                TargetHost = hostName ?? "",
                ClientCertificates = credentials.Own is { } own ? [own] : [],
                LocalCertificateSelectionCallback = (_, _, _, certificate, issuers) =>
                    Select(isAsked: certificate is not null || issuers.Length > 0, issuers)!,
                EnabledSslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13,
                RemoteCertificateValidationCallback = (_, certificate, _, _) =>
                {
                    objection = FindObjection(certificate, hostName);
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

    /// <summary>
    /// The own certificate where the server trusts its issuer, or does not say whom it trusts. Called before the server
    /// has said anything, too: then nothing is chosen yet.
    /// </summary>
    private X509Certificate2? Select(bool isAsked, string[] issuers)
    {
        if (!isAsked || credentials.Own is not { } own)
            return null;
        return issuers.Length == 0 || issuers.Contains(own.Issuer) ? own : null;
    }

    private string? FindObjection(X509Certificate? certificate, string? hostName)
    {
        if (!credentials.VerifiesPeer)
            return null;
        if (credentials.FindObjection(certificate) is { } objection)
            return objection;
        if (hostName is null)
            return "No hostname for certificate validation";
        using X509Certificate2 leaf = X509CertificateLoader.LoadCertificate(certificate!.Export(X509ContentType.Cert));
        return leaf.MatchesHostname(hostName) ? null : $"Certificate does not match the hostname {hostName}";
    }
}
