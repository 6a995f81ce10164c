using System.Text;
using Byre.Block.Errors;

namespace Byre.Cli.Shared;

/// <summary>Objects defined on the command line: <c>--object secret,id=ID,data=TEXT|file=NAME[,format=raw|base64]</c>. Stateless.</summary>
internal static class ObjectDefinition
{
    /// <summary>Defines an object in <paramref name="context"/>.</summary>
    /// <exception cref="BlockException">The definition is wrong, or its id is taken.</exception>
    public static void Define(string definition, ProgramContext context)
    {
        var properties = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach ((string key, string value) in OptionList.Parse(definition, "qom-type"))
            properties[key] = value;
        if (!properties.Remove("qom-type", out string? type))
            throw BlockException.Invalid("Parameter 'qom-type' is missing");
        if (type != "secret")
            throw BlockException.Invalid($"Parameter 'qom-type' does not accept value '{type}'");
        if (!properties.Remove("id", out string? id))
            throw BlockException.Invalid("Parameter 'id' is missing");

        byte[] data = ReadSecret(properties);
        if (properties.Count > 0)
            throw BlockException.Invalid($"Parameter '{FirstKey(properties)}' is unexpected");
        if (!context.Secrets.TryAdd(id, data))
            throw BlockException.Invalid($"attempt to add duplicate property '{id}' to object (type 'container')");
    }

    private static byte[] ReadSecret(Dictionary<string, string> properties)
    {
        properties.Remove("data", out string? data);
        properties.Remove("file", out string? file);
        properties.Remove("format", out string? format);
        if (data is not null && file is not null)
            throw BlockException.Invalid("'file' and 'data' are mutually exclusive");
        if (data is null && file is null)
            throw BlockException.Invalid("Must provide 'file' or 'data'");

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

    private static string FirstKey(Dictionary<string, string> properties)
    {
        foreach (string key in properties.Keys)
            return key;
        return "";
    }
}
