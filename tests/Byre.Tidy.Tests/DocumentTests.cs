using System.Text.RegularExpressions;

namespace Byre.Tidy.Tests;

/// <summary>The documents name nothing that is not there.</summary>
public sealed class DocumentTests
{
    private static readonly string[] Folders = ["src/", "tests/", "docs/", "fixtures/", "bench/", "samples/", ".ci/"];

    [Fact]
    public void Links_lead_somewhere()
    {
        var findings = new Findings();
        foreach (string path in Repository.WithExtension(".md"))
        {
            foreach ((int number, string line) in Lines(path))
            {
                foreach (Match link in Regex.Matches(line, @"\]\(([^)#\s]+)(#[^)]*)?\)"))
                {
                    string target = link.Groups[1].Value;
                    bool isElsewhere = target.Contains("://", StringComparison.Ordinal);
                    if (!isElsewhere && !Repository.Exists(Path.Combine(Path.GetDirectoryName(path)!, target)))
                        findings.Add(path, number, $"the link leads nowhere: {target}");
                }
            }
        }

        findings.AssertNone();
    }

    [Fact]
    public void Named_files_exist()
    {
        var findings = new Findings();
        foreach (string path in Repository.WithExtension(".md"))
        {
            foreach ((int number, string line) in Lines(path))
            {
                foreach (Match quoted in Regex.Matches(line, "`([^`\\s]+)`"))
                {
                    string name = quoted.Groups[1].Value.TrimEnd('/');
                    if (IsPath(name) && !Repository.Exists(name))
                        findings.Add(path, number, $"no such file: {name}");
                }
            }
        }

        findings.AssertNone();
    }

    /// <summary>
    /// A backquoted word with a dot and a capital is a type or a member of ours, or of .NET; the first must exist.
    /// </summary>
    [Fact]
    public void Named_source_files_exist()
    {
        var findings = new Findings();
        HashSet<string> names = [.. Repository.Files.Select(path => Path.GetFileName(path))];
        foreach (string path in Repository.WithExtension(".md"))
        {
            foreach ((int number, string line) in Lines(path))
            {
                foreach (Match quoted in Regex.Matches(line, "`([A-Z][\\w.]*\\.cs)`"))
                {
                    if (!names.Contains(quoted.Groups[1].Value))
                        findings.Add(path, number, $"no such source file: {quoted.Groups[1].Value}");
                }
            }
        }

        findings.AssertNone();
    }

    private static bool IsPath(string name) =>
        Folders.Any(folder => name.StartsWith(folder, StringComparison.Ordinal))
        && !name.Contains('*', StringComparison.Ordinal)
        && !name.Contains("NNNN", StringComparison.Ordinal);

    private static IEnumerable<(int Number, string Line)> Lines(string path) =>
        Repository.ReadLines(path).Select((line, index) => (index + 1, line));
}
