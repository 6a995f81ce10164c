using Byre.Block.Errors;
using Byre.Block.Graph;
using Byre.Nbd.Tls;

namespace Byre.Nbd.Client;

/// <summary>
/// How a client node encrypts: by credentials defined elsewhere ("tls-creds=ID"), or by what an "nbds" name says.
/// Stateless.
/// </summary>
internal static class NbdTlsOptions
{
    /// <summary>Takes the options; null for plain connections.</summary>
    /// <exception cref="BlockException">One is wrong, or a file is.</exception>
    public static NbdClientTls? Take(OptionSet options, Func<string, NbdClientTls>? findTls)
    {
        string? id = options.Take("tls-creds");
        bool isOn = options.TakeBool("tls") ?? false;
        string? folder = options.Take("tls-certificates");
        string? keys = options.Take("tls-psk-file");
        string? userName = options.Take("tls-username");
        bool? verifies = options.TakeBool("tls-verify-peer");
        if (id is not null)
        {
            if (folder is not null || keys is not null || verifies is not null)
                throw BlockException.Invalid("tls-creds may not be used with other TLS credentials");
            return findTls?.Invoke(id) ?? throw BlockException.Invalid($"No TLS credentials with id '{id}'");
        }

        if (!isOn)
        {
            return folder is null && keys is null && verifies is null
                ? null
                : throw BlockException.Invalid("TLS credentials may not be used without tls=on");
        }

        if (folder is not null && keys is not null)
            throw BlockException.Invalid("tls-certificates and tls-psk-file may not be used at the same time");
        if (keys is not null)
            return new PskClientTls(PskCredentials.LoadFile(keys, userName ?? Environment.UserName));
        return new X509ClientTls(folder is null
            ? X509Credentials.OfSystem(verifies ?? true)
            : X509Credentials.Load(folder, isServer: false, verifies ?? true));
    }
}
