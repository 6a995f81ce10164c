using Byre.Block.Errors;
using Byre.Block.Graph;
using Byre.Nbd.Tls;

namespace Byre.Cli.Shared;

/// <summary>
/// What <c>--object tls-creds-x509,...</c>, <c>tls-creds-psk,...</c> and <c>authz-simple,...</c> define. Stateless.
/// </summary>
internal static class TlsObject
{
    /// <summary>Loads the credentials that the properties describe, and takes these.</summary>
    /// <exception cref="BlockException">A property is wrong, or the files are.</exception>
    public static X509Credentials LoadX509(OptionSet properties)
    {
        bool verifies = properties.TakeBool("verify-peer") ?? true;
        (string folder, bool isServer) = TakePlace(properties);
        properties.TakeBool("sanity-check");
        if (properties.Take("passwordid") is not null)
            throw BlockException.NotSupported("Encrypted TLS keys are not supported");
        return X509Credentials.Load(folder, isServer, verifies);
    }

    /// <summary>Loads the keys that the properties describe, and takes these.</summary>
    /// <exception cref="BlockException">A property is wrong, or the file is.</exception>
    public static PskCredentials LoadPsk(OptionSet properties)
    {
        properties.TakeBool("verify-peer");
        string? userName = properties.Take("username");
        (string folder, bool isServer) = TakePlace(properties);
        if (!isServer)
            return PskCredentials.LoadForClient(folder, userName);
        return userName is null
            ? PskCredentials.LoadForServer(folder)
            : throw BlockException.Invalid("username should not be set when endpoint=server");
    }

    /// <summary>The distinguished name that is let in.</summary>
    /// <exception cref="BlockException">It is missing.</exception>
    public static string LoadIdentity(OptionSet properties) =>
        properties.Take("identity") ?? throw BlockException.Invalid("Parameter 'identity' is missing");

    private static (string Folder, bool IsServer) TakePlace(OptionSet properties)
    {
        string folder = properties.Take("dir") ?? throw BlockException.Invalid("Missing 'dir' property value");
        string endpoint = properties.Take("endpoint") ?? "client";
        if (properties.Take("priority") is not null)
            throw BlockException.NotSupported("TLS priorities are not supported");
        return endpoint is "server" or "client"
            ? (folder, endpoint == "server")
            : throw BlockException.Invalid($"Parameter 'endpoint' does not accept value '{endpoint}'");
    }
}
