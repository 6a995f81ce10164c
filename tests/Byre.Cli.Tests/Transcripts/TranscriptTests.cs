namespace Byre.Cli.Tests.Transcripts;

/// <summary>
/// Replays recorded sessions of QEMU's tools with our program and compares output, errors and exit status, byte for
/// byte.
/// </summary>
public sealed class TranscriptTests(TranscriptRuns runs) : IClassFixture<TranscriptRuns>
{
    /// <summary>The recordings in fixtures/transcripts.</summary>
    public static string[] AllNames { get; } =
    [
        "create", "usage", "info", "map", "snapshot", "check", "dirty", "convert", "compare", "resize", "rebase", "dd",
        "io", "io-qcow2", "graph", "convert-results", "compare-findings", "dd-operands", "resize-sizes", "rebase-safe",
    ];

    public static TheoryData<string> Names => new(AllNames);

    [Theory]
    [MemberData(nameof(Names))]
    public async Task Replays(string name)
    {
        string expected = await File.ReadAllTextAsync(Path.Combine(TranscriptRuns.Folder, name + ".txt"));
        Assert.Equal(expected, await runs.OutcomeOf(name));
    }

    [Fact]
    public void Every_recording_is_replayed()
    {
        IEnumerable<string> files = Directory.GetFiles(TranscriptRuns.Folder, "*.txt")
            .Select(file => Path.GetFileNameWithoutExtension(file)!);
        Assert.Equal(AllNames.Order(StringComparer.Ordinal), files.Order(StringComparer.Ordinal));
    }
}
