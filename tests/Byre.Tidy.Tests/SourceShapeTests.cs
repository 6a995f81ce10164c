using System.Text.RegularExpressions;

namespace Byre.Tidy.Tests;

/// <summary>The shape of the sources: what a reader can rely on without reading.</summary>
public sealed class SourceShapeTests
{
    private const int MaxFileLines = 700;
    private const int MaxFunctionLines = 70;
    private const int MaxColumns = 120;

    private static readonly string[] UnsafeFolders = ["Interop", "Buffers", "IoUring", "Simd"];
    private static readonly string[] CodeFolders = ["src", "tests", "bench", "samples"];

    [Fact]
    public void Files_and_lines_are_short()
    {
        var findings = new Findings();
        foreach (string path in Repository.Sources(CodeFolders))
        {
            string[] lines = Repository.ReadLines(path);
            string[] code = CSharpText.CodeOf(Repository.ReadText(path)).Split('\n');
            if (lines.Length > MaxFileLines)
                findings.Add(path, lines.Length, $"more than {MaxFileLines} lines");
            for (int i = 0; i < lines.Length; i++)
            {
                if (lines[i].Length > MaxColumns && !IsInsideText(lines[i], code[i]))
                    findings.Add(path, i + 1, $"{lines[i].Length} columns, more than {MaxColumns}");
            }
        }

        findings.AssertNone();
    }

    [Fact]
    public void Functions_fit_a_screen()
    {
        var findings = new Findings();
        foreach (string path in Repository.Sources(CodeFolders))
        {
            foreach (CSharpBlock member in CSharpBlock.In(Repository.ReadText(path)).Where(block => !block.IsType))
            {
                int lines = member.LastLine - member.FirstLine + 1;
                if (lines > MaxFunctionLines)
                    findings.Add(path, member.FirstLine, $"{lines} lines: {member.Header}");
            }
        }

        findings.AssertNone();
    }

    [Fact]
    public void A_file_holds_one_public_type_and_bears_its_name()
    {
        var findings = new Findings();
        foreach (string path in Repository.Sources("src"))
        {
            string expected = Path.GetFileName(path).Split('.')[0];
            string[] names =
                [.. CSharpBlock.In(Repository.ReadText(path)).Where(IsOuterPublicType).Select(NameOf).Distinct()];
            if (names.Length > 1)
                findings.Add(path, $"public types {string.Join(", ", names)}: one a file");
            else if (names.Length == 1 && names[0] != expected)
                findings.Add(path, $"holds the public type {names[0]}");
        }

        findings.AssertNone();
    }

    [Fact]
    public void Unsafe_code_stays_in_its_folders()
    {
        var findings = new Findings();
        foreach (string path in Repository.Sources("src"))
        {
            if (path.Split('/').Any(UnsafeFolders.Contains))
                continue;
            string[] lines = CSharpText.CodeOf(Repository.ReadText(path)).Split('\n');
            for (int i = 0; i < lines.Length; i++)
            {
                if (Regex.IsMatch(lines[i], @"\b(unsafe|DllImport|LibraryImport)\b"))
                    findings.Add(path, i + 1, "unsafe code or a native import outside Interop, Buffers, IoUring, Simd");
            }
        }

        findings.AssertNone();
    }

    [Fact]
    public void Sources_use_file_scoped_namespaces_named_after_their_folders()
    {
        var findings = new Findings();
        foreach (string path in Repository.Sources("src"))
        {
            Match declared = Regex.Match(Repository.ReadText(path), @"^namespace ([\w.]+)(;?)", RegexOptions.Multiline);
            if (!declared.Success)
                continue;
            string expected = Path.GetDirectoryName(path)!.Split('/', 2)[1].Replace('/', '.');
            if (declared.Groups[2].Value != ";" || declared.Groups[1].Value != expected)
                findings.Add(path, $"expected \"namespace {expected};\"");
        }

        findings.AssertNone();
    }

    [Fact]
    public void Every_project_has_its_lock_file()
    {
        var findings = new Findings();
        foreach (string path in Repository.WithExtension(".csproj"))
        {
            if (!Repository.Exists(Path.Combine(Path.GetDirectoryName(path)!, "packages.lock.json")))
                findings.Add(path, "no packages.lock.json beside it");
        }

        findings.AssertNone();
    }

    [Fact]
    public void Every_project_is_in_the_solution()
    {
        var findings = new Findings();
        string solution = Repository.ReadText("Byre.slnx");
        foreach (string path in Repository.WithExtension(".csproj"))
        {
            if (!solution.Contains($"Path=\"{path}\"", StringComparison.Ordinal))
                findings.Add(path, "not in Byre.slnx");
        }

        findings.AssertNone();
    }

    /// <summary>The lines of a raw string are as long as the text they stand for.</summary>
    private static bool IsInsideText(string line, string code) =>
        string.IsNullOrWhiteSpace(code) && !line.TrimStart().StartsWith("//", StringComparison.Ordinal);

    private static bool IsOuterPublicType(CSharpBlock block) =>
        block.IsType && block.Depth == 0 && block.Header.StartsWith("public ", StringComparison.Ordinal);

    private static string NameOf(CSharpBlock type) =>
        Regex.Match(type.Header,
            @"\b(class|struct|interface|enum|record)\b( (class|struct))? (?<name>\w+)").Groups["name"].Value;
}
