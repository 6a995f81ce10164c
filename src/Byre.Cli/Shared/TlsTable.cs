using Byre.Block.Errors;
using Byre.Nbd.Client;
using Byre.Nbd.Server;
using Byre.Nbd.Tls;

namespace Byre.Cli.Shared;

/// <summary>Credentials and authorizations defined on the command line, by id. Not thread-safe.</summary>
internal sealed class TlsTable
{
    private readonly Dictionary<string, X509Credentials> _certificates = new(StringComparer.Ordinal);
    private readonly Dictionary<string, PskCredentials> _keys = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string> _identities = new(StringComparer.Ordinal);

    /// <summary>False where the id is taken.</summary>
    public bool TryAdd(string id, X509Credentials credentials) =>
        !_keys.ContainsKey(id) && _certificates.TryAdd(id, credentials);

    /// <summary>False where the id is taken.</summary>
    public bool TryAdd(string id, PskCredentials credentials) =>
        !_certificates.ContainsKey(id) && _keys.TryAdd(id, credentials);

    /// <summary>False where the id is taken.</summary>
    public bool TryAddIdentity(string id, string identity) => _identities.TryAdd(id, identity);

    /// <summary>What a server shows and asks for.</summary>
    /// <exception cref="BlockException">There is nothing for a server under the id.</exception>
    public NbdServerTls ForServer(string id, string? authorizationId)
    {
        string? identity = null;
        if (authorizationId is not null && !_identities.TryGetValue(authorizationId, out identity))
            throw BlockException.Invalid($"Failed to find authz object '{authorizationId}'");
        if (_keys.TryGetValue(id, out PskCredentials? keys))
        {
            CheckSide(keys.IsServer, isServer: true);
            if (identity is not null)
                throw BlockException.NotSupported("TLS authorization needs certificates");
            return new PskServerTls(keys);
        }

        return new X509ServerTls(FindCertificates(id, isServer: true), identity);
    }

    /// <summary>What a client shows and asks for.</summary>
    /// <exception cref="BlockException">There is nothing for a client under the id.</exception>
    public NbdClientTls ForClient(string id)
    {
        if (!_keys.TryGetValue(id, out PskCredentials? keys))
            return new X509ClientTls(FindCertificates(id, isServer: false));
        CheckSide(keys.IsServer, isServer: false);
        return new PskClientTls(keys);
    }

    private X509Credentials FindCertificates(string id, bool isServer)
    {
        if (!_certificates.TryGetValue(id, out X509Credentials? credentials))
            throw BlockException.Invalid($"No TLS credentials with id '{id}'");
        CheckSide(credentials.IsServer, isServer);
        return credentials;
    }

    private static void CheckSide(bool isForServer, bool isServer)
    {
        if (isForServer != isServer)
            throw BlockException.Invalid($"Expected TLS credentials for a {(isServer ? "server" : "client")} endpoint");
    }
}
