using System.Text;
using Byre.Block.Errors;
using Byre.Block.Graph;

namespace Byre.Cli.Shared;

/// <summary>
/// Objects defined on the command line: <c>--object secret,id=ID,data=TEXT|file=NAME[,format=raw|base64]</c>,
/// <c>tls-creds-x509,id=ID,dir=FOLDER,endpoint=server|client</c>, <c>tls-creds-psk,...</c>,
/// <c>authz-simple,id=ID,identity=NAME</c>. Stateless.
/// </summary>
internal static class ObjectDefinition
{
    /// <summary>Defines an object in <paramref name="context"/>.</summary>
    /// <exception cref="BlockException">The definition is wrong, or its id is taken.</exception>
    public static void Define(string definition, ProgramContext context)
    {
        OptionSet properties = definition.StartsWith('{')
            ? JsonFileName.Parse("json:" + definition)
            : OptionText.Parse(definition, "qom-type", warn: null, keepId: true);
        string type = properties.Take("qom-type") ?? throw BlockException.Invalid("Parameter 'qom-type' is missing");
        string id = properties.Take("id") ?? throw BlockException.Invalid("Parameter 'id' is missing");
        bool isNew = type switch
        {
            "secret" => context.Secrets.TryAdd(id, ReadSecret(properties)),
            "tls-creds-x509" => context.Tls.TryAdd(id, TlsObject.LoadX509(properties)),
            "authz-simple" => context.Tls.TryAddIdentity(id, TlsObject.LoadIdentity(properties)),
            "tls-creds-psk" => context.Tls.TryAdd(id, TlsObject.LoadPsk(properties)),
            _ => throw BlockException.Invalid($"Parameter 'qom-type' does not accept value '{type}'"),
        };
        if (!properties.IsEmpty)
            throw BlockException.Invalid($"Parameter '{properties.Keys[0]}' is unexpected");
        if (!isNew)
            throw BlockException.Invalid($"attempt to add duplicate property '{id}' to object (type 'container')");
    }

    private static byte[] ReadSecret(OptionSet properties)
    {
        string? data = properties.Take("data");
        string? file = properties.Take("file");
        string? format = properties.Take("format");
        if (data is not null && file is not null)
            throw BlockException.Invalid("'file' and 'data' are mutually exclusive");
        if (data is null && file is null)
            throw BlockException.Invalid("Either 'file' or 'data' must be provided");

        byte[] raw = data is not null ? Encoding.UTF8.GetBytes(data) : ReadFile(file!);
        return format switch
        {
            null or "raw" => raw,
            "base64" => FromBase64(raw),
            _ => throw BlockException.Invalid($"Parameter 'format' does not accept value '{format}'"),
        };
    }

    private static byte[] ReadFile(string file)
    {
        try
        {
            return File.ReadAllBytes(file);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            string reason = failure is FileNotFoundException or DirectoryNotFoundException
                ? Errno.Describe(Errno.NoEntry)
                : failure.Message;
            throw BlockException.Invalid($"Unable to read {file}: Failed to open file “{file}”: {reason}");
        }
    }

    private static byte[] FromBase64(byte[] text)
    {
        try
        {
            return Convert.FromBase64String(Encoding.ASCII.GetString(text));
        }
        catch (FormatException)
        {
            throw BlockException.Invalid("Base64 data is not valid");
        }
    }
}
