using System.Diagnostics;

namespace Byre.Cli.Tests.Transcripts;

/// <summary>Replays all transcripts at once, as many at a time as there are processors.</summary>
public sealed class TranscriptRuns : IDisposable
{
    private readonly SemaphoreSlim _slots = new(Environment.ProcessorCount);
    private readonly Dictionary<string, Task<string>> _runs = [];

    public TranscriptRuns()
    {
        _ = new PublishedProgram();
        foreach (string name in TranscriptTests.AllNames)
            _runs[name] = ReplayAsync(name);
    }

    /// <summary>The folder of the recordings.</summary>
    public static string Folder { get; } = Path.Combine(PublishedProgram.RepositoryRoot, "fixtures", "transcripts");

    /// <summary>What the replay of a transcript printed.</summary>
    public Task<string> OutcomeOf(string name) => _runs[name];

    public void Dispose()
    {
        // A test that failed must not leave processes behind which use the program while it is built anew.
        Task.WaitAll(_runs.Values.ToArray());
        _slots.Dispose();
    }

    private async Task<string> ReplayAsync(string name)
    {
        await _slots.WaitAsync();
        try
        {
            string file = Path.Combine(Folder, name + ".txt");
            var start = new ProcessStartInfo("bash", [Path.Combine(Folder, "replay"), PublishedProgram.Folder, file])
            {
                RedirectStandardOutput = true,
            };
            using Process process = Process.Start(start)!;
            string text = await process.StandardOutput.ReadToEndAsync();
            await process.WaitForExitAsync();
            return text;
        }
        finally
        {
            _slots.Release();
        }
    }
}
