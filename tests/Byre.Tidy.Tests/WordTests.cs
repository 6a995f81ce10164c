using System.Text.RegularExpressions;

namespace Byre.Tidy.Tests;

/// <summary>
/// Words that have no place in the tree. They are put together from pieces here, for this file is looked at too.
/// </summary>
public sealed class WordTests
{
    private static readonly (Regex Word, string Why)[] Banned =
    [
        (new Regex(@"\b(TO" + @"DO|FIX" + @"ME)\b(?!\(#\d+\))"), "an open end: do it, or add its issue: (#number)"),
        (new Regex("Not" + "ImplementedException"), "code that pretends to exist"),
        (new Regex(@"(?<![\w.~/-])/(work|root|tmp/wt)" + "/"), "a path of one machine"),
        (new Regex(@"nuget\." + @"org|npm" + @"js\.|py" + @"pi\.org|crates\." + "io"), "a package registry's host"),
        (new Regex("pragma warning " + "disable(?! [A-Za-z]+[0-9]+ // )"), "a warning switched off without a reason"),
    ];

    private static readonly string[] Extensions =
        [".cs", ".md", ".csproj", ".props", ".slnx", ".sh", ".json", ".py", ".txt", ".yml"];

    private static readonly string[] Names = ["test", "byre", ".ci/run", ".editorconfig", "LICENSE"];

    [Fact]
    public void No_banned_words()
    {
        var findings = new Findings();
        foreach (string path in Repository.Files.Where(IsText))
        {
            string[] lines = Repository.ReadLines(path);
            for (int i = 0; i < lines.Length; i++)
            {
                foreach ((Regex word, string why) in Banned)
                {
                    if (word.IsMatch(lines[i]))
                        findings.Add(path, i + 1, why);
                }
            }
        }

        findings.AssertNone();
    }

    [Fact]
    public void Text_files_end_with_a_line_feed_and_have_no_trailing_blanks()
    {
        var findings = new Findings();
        foreach (string path in Repository.Files.Where(IsText))
        {
            string text = Repository.ReadText(path);
            bool isGenerated = Path.GetFileName(path) == "packages.lock.json";
            if (text.Length > 0 && !text.EndsWith('\n') && !isGenerated)
                findings.Add(path, "does not end with a line feed");
            if (text.Contains('\r', StringComparison.Ordinal))
                findings.Add(path, "has carriage returns");
            Match blanks = Regex.Match(text, @"[ \t]\n");
            if (blanks.Success)
                findings.Add(path, text.AsSpan(0, blanks.Index).Count('\n') + 1, "ends in blanks");
        }

        findings.AssertNone();
    }

    private static bool IsText(string path) =>
        !path.StartsWith("fixtures/", StringComparison.Ordinal)
        && (Extensions.Contains(Path.GetExtension(path)) || Names.Contains(path));
}
