namespace Byre.Tidy.Tests;

/// <summary>The checked-out tree that the tests were built from, without what a build leaves in it.</summary>
internal static class Repository
{
    private static readonly string[] Skipped = [".git", ".vs", "artifacts", "bin", "obj", "TestResults"];

    public static string Root { get; } = FindRoot();

    /// <summary>Every file of the tree, by its path from the root, with forward slashes.</summary>
    public static IReadOnlyList<string> Files { get; } = [.. Walk(Root).Order(StringComparer.Ordinal)];

    /// <summary>The C# sources below any of <paramref name="folders"/>.</summary>
    public static IEnumerable<string> Sources(params string[] folders) =>
        Files.Where(path => path.EndsWith(".cs", StringComparison.Ordinal)
            && folders.Any(folder => path.StartsWith(folder + "/", StringComparison.Ordinal)));

    public static IEnumerable<string> WithExtension(string extension) =>
        Files.Where(path => path.EndsWith(extension, StringComparison.Ordinal));

    public static string FullPath(string path) => Path.Combine(Root, path);

    public static string ReadText(string path) => File.ReadAllText(FullPath(path));

    public static string[] ReadLines(string path) => File.ReadAllLines(FullPath(path));

    public static bool Exists(string path) => File.Exists(FullPath(path)) || Directory.Exists(FullPath(path));

    private static string FindRoot()
    {
        for (DirectoryInfo? folder = new(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "Byre.slnx")))
                return folder.FullName;
        }

        throw new InvalidOperationException("The tests do not lie below the repository's root.");
    }

    private static IEnumerable<string> Walk(string folder)
    {
        foreach (string file in Directory.EnumerateFiles(folder))
            yield return Path.GetRelativePath(Root, file);
        foreach (string below in Directory.EnumerateDirectories(folder))
        {
            if (Skipped.Contains(Path.GetFileName(below)) || new DirectoryInfo(below).LinkTarget is not null)
                continue;
            foreach (string file in Walk(below))
                yield return file;
        }
    }
}
