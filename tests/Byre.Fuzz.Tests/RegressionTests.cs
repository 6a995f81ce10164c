using Byre.Fuzz.Engine;

namespace Byre.Fuzz.Tests;

/// <summary>What was once found stays fixed: one file of the corpus each, named after what it broke.</summary>
public sealed class RegressionTests
{
    private static readonly string Corpus = Path.Combine(AppContext.BaseDirectory, "corpus");

    public static TheoryData<string> Files
    {
        get
        {
            var files = new TheoryData<string>();
            foreach (string path in Directory.GetFiles(Corpus, "*.txt", SearchOption.AllDirectories)
                .Order(StringComparer.Ordinal))
                files.Add(Path.GetRelativePath(Corpus, path));
            return files;
        }
    }

    [Theory]
    [MemberData(nameof(Files))]
    public void Nothing_is_found(string file)
    {
        FuzzFinding? finding = CorpusFile.Replay(Path.Combine(Corpus, file)).Finding;
        Assert.True(finding is null, $"{finding?.Key}\n{finding?.Text}");
    }
}
