using Byre.Block.Errors;

namespace Byre.Block.Graph;

/// <summary>
/// File names with an optional protocol prefix ("nbd:host", "/a:b" has none), and what they are relative to. Stateless.
/// </summary>
public static class FileNames
{
    /// <summary>True where a colon comes before any slash.</summary>
    public static bool HasProtocol(string name)
    {
        int end = name.AsSpan().IndexOfAny(':', '/');
        return end >= 0 && name[end] == ':';
    }

    /// <summary>The text before the colon; null where the name has no protocol.</summary>
    public static string? ProtocolOf(string name) =>
        HasProtocol(name) ? name[..name.IndexOf(':', StringComparison.Ordinal)] : null;

    public static bool IsAbsolute(string name) => name.StartsWith('/');

    /// <summary>
    /// <paramref name="name"/> seen from the directory of <paramref name="basePath"/>, whose protocol prefix is kept.
    /// </summary>
    public static string Combine(string basePath, string name)
    {
        if (IsAbsolute(name))
            return name;
        int protocol = HasProtocol(basePath) ? basePath.IndexOf(':', StringComparison.Ordinal) + 1 : 0;
        int directory = Math.Max(protocol, basePath.LastIndexOf('/') + 1);
        return string.Concat(basePath.AsSpan(0, directory), name);
    }

    /// <summary>
    /// <paramref name="name"/> without "<paramref name="prefix"/>:", with "./" put before it where what is left would
    /// be taken for a name with a protocol.
    /// </summary>
    public static string StripProtocol(string name, string prefix)
    {
        if (!name.StartsWith(prefix + ":", StringComparison.Ordinal))
            return name;
        string rest = name[(prefix.Length + 1)..];
        return HasProtocol(rest) ? "./" + rest : rest;
    }

    /// <summary>
    /// A name found in the image of <paramref name="overlay"/>, made independent of the current directory; null where
    /// it is empty.
    /// </summary>
    /// <exception cref="BlockException">The name is relative and the overlay has no directory.</exception>
    public static string? Resolve(BlockNode overlay, string? name)
    {
        if (string.IsNullOrEmpty(name))
            return null;
        return HasProtocol(name) || IsAbsolute(name) ? name : overlay.DirectoryName() + name;
    }

    /// <summary>
    /// As <see cref="Resolve"/>, for an overlay that is known by its name alone (it does not exist yet).
    /// </summary>
    /// <exception cref="BlockException">The name is relative and the overlay's is "json:{}" or empty.</exception>
    public static string? ResolveFromFileName(string overlay, string? name)
    {
        if (string.IsNullOrEmpty(name))
            return null;
        if (HasProtocol(name) || IsAbsolute(name))
            return name;
        if (overlay.Length == 0 || JsonFileName.IsOne(overlay))
            throw BlockException.Invalid($"Cannot use relative backing file names for '{overlay}'");
        return Combine(overlay, name);
    }
}
