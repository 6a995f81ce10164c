using Byre.Block.Errors;
using Byre.Block.Graph;

namespace Byre.Nbd.Client;

/// <summary>
/// Names of exports: "nbd:unix:PATH:exportname=NAME", "nbd:HOST:PORT:exportname=NAME", "nbd://HOST:PORT/NAME",
/// "nbd+unix:///NAME?socket=PATH". Stateless.
/// </summary>
internal static class NbdFileName
{
    private const string ExportMark = ":exportname=";
    private const string UnixPrefix = "unix:";

    /// <summary>Sets the options that a name stands for.</summary>
    /// <exception cref="BlockException">It is no such name, or an option says something else.</exception>
    public static void Parse(string fileName, OptionSet options)
    {
        foreach (string key in options.Keys)
        {
            if (key is "host" or "port" or "path" or "export" || key.StartsWith("server.", StringComparison.Ordinal))
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

        switch (scheme)
        {
            case "nbd+unix" or "nbds+unix" when authority.Length == 0 && SocketOf(query) is { } socket:
                SetUnix(options, socket);
                break;
            case "nbd" or "nbd+tcp" or "nbds" or "nbds+tcp" when authority.Length > 0 && query is null:
                SetAuthority(options, authority);
                break;
            default:
                throw BlockException.Invalid("No valid URL specified");
        }
    }

    private static string? SocketOf(string? query)
    {
        const string Key = "socket=";
        bool isOne = query is not null && query.StartsWith(Key, StringComparison.Ordinal) && !query.Contains('&');
        return isOne ? Uri.UnescapeDataString(query![Key.Length..]) : null;
    }

    private static void SetAuthority(OptionSet options, string authority)
    {
        int colon = authority.LastIndexOf(':');
        bool hasPort = colon >= 0 && colon > authority.IndexOf(']', StringComparison.Ordinal);
        string host = Uri.UnescapeDataString((hasPort ? authority[..colon] : authority).Trim('[', ']'));
        string port = hasPort ? authority[(colon + 1)..] : NbdAddress.DefaultPort;
        if (host.Length == 0 || !ushort.TryParse(port, out _))
            throw BlockException.Invalid("No valid URL specified");
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
