using Byre.Block.Errors;
using Byre.Nbd.Client;
using Byre.Nbd.Tls;

namespace Byre.Cli.Shared;

/// <summary>Credentials and authorizations defined on the command line, by id. Not thread-safe.</summary>
internal sealed class TlsTable
{
    private readonly Dictionary<string, X509Credentials> _credentials = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string> _identities = new(StringComparer.Ordinal);

    /// <summary>False where the id is taken.</summary>
    public bool TryAdd(string id, X509Credentials credentials) => _credentials.TryAdd(id, credentials);

    /// <summary>False where the id is taken.</summary>
    public bool TryAddIdentity(string id, string identity) => _identities.TryAdd(id, identity);

    /// <summary>What a server shows and asks for.</summary>
    /// <exception cref="BlockException">There is nothing for a server under the id.</exception>
    public X509ServerTls ForServer(string id, string? authorizationId)
    {
        string? identity = null;
        if (authorizationId is not null && !_identities.TryGetValue(authorizationId, out identity))
            throw BlockException.Invalid($"Failed to find authz object '{authorizationId}'");
        return new X509ServerTls(Find(id, isServer: true), identity);
    }

    /// <summary>What a client shows and asks for.</summary>
    /// <exception cref="BlockException">There is nothing for a client under the id.</exception>
    public NbdClientTls ForClient(string id) => new X509ClientTls(Find(id, isServer: false));

    private X509Credentials Find(string id, bool isServer)
    {
        if (!_credentials.TryGetValue(id, out X509Credentials? credentials))
            throw BlockException.Invalid($"No TLS credentials with id '{id}'");
        if (credentials.IsServer != isServer)
            throw BlockException.Invalid($"Expected TLS credentials for a {(isServer ? "server" : "client")} endpoint");
        return credentials;
    }
}
