using System.Text;
using Byre.Block.Errors;

namespace Byre.Nbd.Tls;

/// <summary>
/// Secret keys that both sides know, in the file <c>keys.psk</c> of a folder, as psktool writes it: lines "NAME:KEY",
/// the key in hexadecimal digits. A server's are looked up as clients come, so that keys can be added while it runs.
/// Thread-safe.
/// </summary>
public sealed class PskCredentials
{
    private readonly string _file;

    private PskCredentials(string file, string userName, byte[] key)
    {
        _file = file;
        UserName = userName;
        Key = key;
    }

    /// <summary>For a server, which asks its clients for their names; else for a client, which has one.</summary>
    public bool IsServer => UserName.Length == 0;

    internal string UserName { get; }

    /// <summary>A client's.</summary>
    internal byte[] Key { get; }

    /// <summary>A server's, in a folder.</summary>
    /// <exception cref="BlockException">There is no such file.</exception>
    public static PskCredentials LoadForServer(string folder) =>
        new(Existing(Path.Combine(folder, "keys.psk")), "", []);

    /// <summary>A client's, in a folder; its name is "qemu" by default.</summary>
    /// <exception cref="BlockException">There is no such file, or no key of that name in it.</exception>
    public static PskCredentials LoadForClient(string folder, string? userName) =>
        LoadFile(Path.Combine(folder, "keys.psk"), userName ?? "qemu");

    /// <summary>A client's, in a file of any name.</summary>
    /// <exception cref="BlockException">There is no such file, or no key of that name in it.</exception>
    public static PskCredentials LoadFile(string file, string userName)
    {
        string text = ReadText(Existing(file));
        string digits = FindDigits(text, userName)
            ?? throw BlockException.Invalid($"Username {userName} not found in PSK file {file}");
        return new PskCredentials(file, userName, Decode(digits)
            ?? throw BlockException.Invalid("Cannot set PSK client credentials: The request is invalid."));
    }

    /// <summary>A client's key; null where it has none, or the file has become unreadable.</summary>
    internal byte[]? Find(string userName)
    {
        try
        {
            return FindDigits(ReadText(_file), userName) is { } digits ? Decode(digits) : null;
        }
        catch (BlockException)
        {
            // The client is turned away, which is what the caller does with it.
            return null;
        }
    }

    private static string? FindDigits(string text, string userName)
    {
        foreach (string line in text.Split('\n'))
        {
            int colon = line.LastIndexOf(':');
            if (colon == userName.Length && colon > 0 && line.StartsWith(userName, StringComparison.Ordinal))
                return line[(colon + 1)..].Trim();
        }

        return null;
    }

    private static byte[]? Decode(string digits)
    {
        try
        {
            return digits.Length > 0 ? Convert.FromHexString(digits) : null;
        }
        catch (FormatException)
        {
            return null;
        }
    }

    private static string ReadText(string file)
    {
        try
        {
            return File.ReadAllText(file, Encoding.UTF8);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw BlockException.Invalid($"Cannot read PSK file {file}: {failure.Message}");
        }
    }

    private static string Existing(string path) => File.Exists(path)
        ? path
        : throw BlockException.Invalid($"Unable to access credentials {path}: No such file or directory");
}
