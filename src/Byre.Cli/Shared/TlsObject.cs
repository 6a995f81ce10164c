using Byre.Block.Errors;
using Byre.Block.Graph;
using Byre.Nbd.Tls;

namespace Byre.Cli.Shared;

/// <summary>
/// What <c>--object tls-creds-x509,...</c> and <c>--object authz-simple,...</c> define. Stateless.
/// </summary>
internal static class TlsObject
{
    /// <summary>Loads the credentials that the properties describe, and takes these.</summary>
    /// <exception cref="BlockException">A property is wrong, or the files are.</exception>
    public static X509Credentials LoadX509(OptionSet properties)
    {
        string folder = properties.Take("dir") ?? throw BlockException.Invalid("Missing 'dir' property value");
        bool verifies = properties.TakeBool("verify-peer") ?? true;
        string endpoint = properties.Take("endpoint") ?? "client";
        properties.TakeBool("sanity-check");
        if (properties.Take("priority") is not null)
            throw BlockException.NotSupported("TLS priorities are not supported");
        if (properties.Take("passwordid") is not null)
            throw BlockException.NotSupported("Encrypted TLS keys are not supported");
        return endpoint switch
        {
            "server" => X509Credentials.Load(folder, isServer: true, verifies),
            "client" => X509Credentials.Load(folder, isServer: false, verifies),
            _ => throw BlockException.Invalid($"Parameter 'endpoint' does not accept value '{endpoint}'"),
        };
    }

    /// <summary>The distinguished name that is let in.</summary>
    /// <exception cref="BlockException">It is missing.</exception>
    public static string LoadIdentity(OptionSet properties) =>
        properties.Take("identity") ?? throw BlockException.Invalid("Parameter 'identity' is missing");
}
