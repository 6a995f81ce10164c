using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Byre.Block.Errors;

namespace Byre.Nbd.Tls;

/// <summary>
/// Certificates in a folder, under the names that QEMU's tools use: <c>ca-cert.pem</c>, and <c>server-cert.pem</c> with
/// <c>server-key.pem</c> or <c>client-cert.pem</c> with <c>client-key.pem</c>. Loaded once; thread-safe.
/// </summary>
public sealed class X509Credentials
{
    private X509Credentials(bool isServer, bool verifiesPeer, X509Certificate2? authority, X509Certificate2? own)
    {
        IsServer = isServer;
        VerifiesPeer = verifiesPeer;
        Authority = authority;
        Own = own;
    }

    /// <summary>For a server; else for a client.</summary>
    public bool IsServer { get; }

    /// <summary>The other side must have a certificate of the authority.</summary>
    public bool VerifiesPeer { get; }

    /// <summary>Who signs the other side's certificates; null for those whom the system trusts.</summary>
    internal X509Certificate2? Authority { get; }

    /// <summary>What this side shows; a client may have none.</summary>
    internal X509Certificate2? Own { get; }

    /// <summary>A client's that trusts whom the system trusts, and shows nothing.</summary>
    public static X509Credentials OfSystem(bool verifiesPeer) => new(isServer: false, verifiesPeer, null, null);

    /// <summary>Loads the files of a folder.</summary>
    /// <exception cref="BlockException">A file is missing, or is no certificate.</exception>
    public static X509Credentials Load(string folder, bool isServer, bool verifiesPeer)
    {
        string side = isServer ? "server" : "client";
        string certificate = Path.Combine(folder, side + "-cert.pem");
        string key = Path.Combine(folder, side + "-key.pem");
        X509Certificate2 authority = Load(
            Path.Combine(folder, "ca-cert.pem"), X509CertificateLoader.LoadCertificateFromFile);
        // A client that is not asked for a certificate needs none.
        X509Certificate2? own = isServer || File.Exists(certificate)
            ? Load(certificate, path => X509Certificate2.CreateFromPemFile(path, Existing(key)))
            : null;
        return new X509Credentials(isServer, verifiesPeer, authority, own);
    }

    /// <summary>Why a certificate of the other side is not to be trusted; null where it is.</summary>
    internal string? FindObjection(X509Certificate? certificate)
    {
        if (certificate is null)
            return "No certificate was found.";
        using var chain = new X509Chain();
        if (Authority is not null)
        {
            chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
            chain.ChainPolicy.CustomTrustStore.Add(Authority);
        }

        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        using X509Certificate2 leaf = X509CertificateLoader.LoadCertificate(certificate.Export(X509ContentType.Cert));
        if (chain.Build(leaf))
            return null;
        X509ChainStatusFlags flags = chain.ChainStatus.Aggregate(
            X509ChainStatusFlags.NoError, (all, status) => all | status.Status);
        return (flags & X509ChainStatusFlags.NotTimeValid) != 0
            ? "The certificate has expired or is not valid yet"
            : "The certificate hasn't got a known issuer";
    }

    private static X509Certificate2 Load(string path, Func<string, X509Certificate2> load)
    {
        try
        {
            return load(Existing(path));
        }
        catch (Exception failure) when (failure is CryptographicException or IOException or UnauthorizedAccessException)
        {
            throw BlockException.Invalid($"Unable to import certificate {path}: {failure.Message}");
        }
    }

    private static string Existing(string path) => File.Exists(path)
        ? path
        : throw BlockException.Invalid($"Unable to access credentials {path}: No such file or directory");
}
