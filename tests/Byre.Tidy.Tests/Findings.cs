namespace Byre.Tidy.Tests;

/// <summary>Collects what is wrong, so that one run names every place.</summary>
internal sealed class Findings
{
    private readonly List<string> _found = [];

    public void Add(string path, int line, string what) => _found.Add($"{path}:{line}: {what}");

    public void Add(string path, string what) => _found.Add($"{path}: {what}");

    public void AssertNone() => Assert.True(_found.Count == 0, "\n" + string.Join('\n', _found));
}
