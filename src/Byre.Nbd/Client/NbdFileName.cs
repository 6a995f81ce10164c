using Byre.Block.Errors;
using Byre.Block.Graph;

namespace Byre.Nbd.Client;

/// <summary>
/// Names of exports: "nbd:unix:PATH:exportname=NAME", "nbd:HOST:PORT:exportname=NAME", "nbd://HOST:PORT/NAME",
/// "nbd+unix:///NAME?socket=PATH"; with "nbds" in place of "nbd" encrypted, as libnbd has it
/// ("tls-certificates=FOLDER", "tls-psk-file=FILE" for the user before the host, "tls-hostname=NAME",
/// "tls-verify-peer=false"). Stateless.
/// </summary>
internal static class NbdFileName
{
    private const string ExportMark = ":exportname=";
    private const string UnixPrefix = "unix:";
    private const StringComparison Exactly = StringComparison.Ordinal;

    /// <summary>Sets the options that a name stands for.</summary>
    /// <exception cref="BlockException">It is no such name, or an option says something else.</exception>
    public static void Parse(string fileName, OptionSet options)
    {
        foreach (string key in options.Keys)
        {
            if (key is "host" or "port" or "path" or "export" or "tls" || key.StartsWith("server.", Exactly))
                throw BlockException.Invalid($"Option '{key}' cannot be used with a file name");
        }

        if (fileName.Contains("://", StringComparison.Ordinal))
            ParseUri(fileName, options);
        else
            ParsePlain(fileName, options);
    }

    /// <summary>The name of an export at an address.</summary>
    public static string Write(NbdAddress address, string? export) => (address.Path, export) switch
    {
        ({ } path, { } name) => $"nbd+unix:///{name}?socket={path}",
        ({ } path, null) => $"nbd+unix://?socket={path}",
        (null, { } name) => $"nbd://{address.Host}:{address.Port}/{name}",
        _ => $"nbd://{address.Host}:{address.Port}",
    };

    private static void ParsePlain(string fileName, OptionSet options)
    {
        int mark = fileName.IndexOf(ExportMark, StringComparison.Ordinal);
        if (mark >= 0)
        {
            string export = fileName[(mark + ExportMark.Length)..];
            if (export.Length == 0)
                return;
            options["export"] = export;
            fileName = fileName[..mark];
        }

        if (!fileName.StartsWith("nbd:", StringComparison.Ordinal))
            throw BlockException.Invalid("File name string for NBD must start with 'nbd:'");
        string server = fileName["nbd:".Length..];
        if (server.Length == 0)
            return;
        if (server.StartsWith(UnixPrefix, StringComparison.Ordinal))
        {
            SetUnix(options, server[UnixPrefix.Length..]);
            return;
        }

        int colon = server.LastIndexOf(':');
        if (colon < 0 || colon == server.Length - 1)
            throw BlockException.Invalid($"error parsing address '{server}'");
        string host = server[..colon];
        SetInet(options, host.StartsWith('[') ? host.Trim('[', ']') : host, server[(colon + 1)..]);
    }

    private static void ParseUri(string fileName, OptionSet options)
    {
        int schemeEnd = fileName.IndexOf("://", StringComparison.Ordinal);
        string scheme = fileName[..schemeEnd];
        string rest = fileName[(schemeEnd + 3)..];
        int fragment = rest.IndexOf('#', StringComparison.Ordinal);
        if (fragment >= 0)
            rest = rest[..fragment];
        int queryStart = rest.IndexOf('?', StringComparison.Ordinal);
        string? query = queryStart < 0 ? null : rest[(queryStart + 1)..];
        if (queryStart >= 0)
            rest = rest[..queryStart];
        int pathStart = rest.IndexOf('/', StringComparison.Ordinal);
        string authority = pathStart < 0 ? rest : rest[..pathStart];
        string export = pathStart < 0 ? "" : Uri.UnescapeDataString(rest[(pathStart + 1)..]);
        if (export.Length > 0)
            options["export"] = export;

        string? socket = null;
        foreach (string part in query?.Split('&') ?? [])
        {
            int equals = part.IndexOf('=', StringComparison.Ordinal);
            string key = equals < 0 ? part : part[..equals];
            string value = equals < 0 ? "" : Uri.UnescapeDataString(part[(equals + 1)..]);
            if (key == "socket" && socket is null)
                socket = value;
            else if (scheme.StartsWith("nbds", Exactly) && key is not "socket")
                SetTls(options, key, value);
            else
                throw NoUrl();
        }

        if (scheme.StartsWith("nbds", Exactly))
            authority = TakeUser(options, authority);
        switch (scheme)
        {
            case "nbd+unix" or "nbds+unix" when authority.Length == 0 && socket is not null:
                SetUnix(options, socket);
                break;
            case "nbd" or "nbd+tcp" or "nbds" or "nbds+tcp" when authority.Length > 0 && socket is null:
                SetAuthority(options, authority);
                break;
            default:
                throw NoUrl();
        }
    }

    /// <summary>Marks the connection as encrypted; returns the authority without the user's name.</summary>
    private static string TakeUser(OptionSet options, string authority)
    {
        options["tls"] = "on";
        int at = authority.IndexOf('@', StringComparison.Ordinal);
        if (at > 0)
            options["tls-username"] = Uri.UnescapeDataString(authority[..at]);
        return authority[(at + 1)..];
    }

    private static void SetTls(OptionSet options, string key, string value)
    {
        options[key] = (key, value) switch
        {
            ("tls-verify-peer", "true" or "1" or "on" or "yes") => "on",
            ("tls-verify-peer", "false" or "0" or "off" or "no") => "off",
            ("tls-certificates" or "tls-psk-file" or "tls-hostname", not "") => value,
            _ => throw NoUrl(),
        };
    }

    private static BlockException NoUrl() => BlockException.Invalid("No valid URL specified");

    private static void SetAuthority(OptionSet options, string authority)
    {
        int colon = authority.LastIndexOf(':');
        bool hasPort = colon >= 0 && colon > authority.IndexOf(']', StringComparison.Ordinal);
        string host = Uri.UnescapeDataString((hasPort ? authority[..colon] : authority).Trim('[', ']'));
        string port = hasPort ? authority[(colon + 1)..] : NbdAddress.DefaultPort;
        if (host.Length == 0 || !ushort.TryParse(port, out _))
            throw NoUrl();
        SetInet(options, host, port);
    }

    private static void SetUnix(OptionSet options, string path)
    {
        options["server.type"] = "unix";
        options["server.path"] = path;
    }

    private static void SetInet(OptionSet options, string host, string port)
    {
        options["server.type"] = "inet";
        options["server.host"] = host;
        options["server.port"] = port;
    }
}
