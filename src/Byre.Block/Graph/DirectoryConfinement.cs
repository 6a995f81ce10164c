namespace Byre.Block.Graph;

/// <summary>
/// Tells whether a file that an image names lies in the image's own directory. Looks at the file system, for symbolic
/// links. Stateless.
/// </summary>
internal static class DirectoryConfinement
{
    /// <summary>As many links as Linux follows in one name.</summary>
    private const int MaxLinks = 40;

    /// <summary>Why the file does not; null where it does.</summary>
    public static string? Refuse(ImplicitOpen open)
    {
        string name = open.StoredName;
        if (name.Length == 0)
            return "its name is empty";
        if (JsonFileName.IsOne(name))
            return "its name is a tree of options";
        if (FileNames.HasProtocol(name))
            return "its name asks for a protocol";
        if (FileNames.IsAbsolute(name))
            return "its name is absolute";
        if (name.Split('/').Contains(".."))
            return "its name leads out of the directory of the image";
        if (open.IsProbed)
            return "its format is not recorded, and would be found out from its content";
        if (open.ImageDirectory is not { } directory || FileNames.HasProtocol(directory))
            return "the image is not in a directory of files";
        try
        {
            string root = Resolve(Path.GetFullPath(directory.Length == 0 ? "." : directory));
            string file = Resolve(Path.GetFullPath(open.FullName));
            return file.StartsWith(root == "/" ? root : root + "/", StringComparison.Ordinal)
                ? null
                : "it lies outside the directory of the image";
        }
        catch (IOException failure)
        {
            return $"where it lies cannot be told ({failure.Message})";
        }
        catch (UnauthorizedAccessException failure)
        {
            return $"where it lies cannot be told ({failure.Message})";
        }
    }

    /// <summary>An absolute path without symbolic links; what does not exist stays as it is.</summary>
    /// <exception cref="IOException">Too many links, or a part cannot be looked at.</exception>
    private static string Resolve(string path)
    {
        var rest = new Stack<string>(path.Split('/', StringSplitOptions.RemoveEmptyEntries).Reverse());
        string resolved = "/";
        for (int links = 0; rest.TryPop(out string? part);)
        {
            if (part == "..")
            {
                resolved = Path.GetDirectoryName(resolved) ?? "/";
                continue;
            }

            if (part == ".")
                continue;
            string step = Path.Combine(resolved, part);
            if (new FileInfo(step).LinkTarget is not { } target)
            {
                resolved = step;
                continue;
            }

            if (++links > MaxLinks)
                throw new IOException("too many symbolic links");
            if (target.StartsWith('/'))
                resolved = "/";
            foreach (string targetPart in target.Split('/', StringSplitOptions.RemoveEmptyEntries).Reverse())
                rest.Push(targetPart);
        }

        return resolved;
    }
}
