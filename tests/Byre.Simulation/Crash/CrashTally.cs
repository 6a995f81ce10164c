using System.Collections.Concurrent;

namespace Byre.Simulation.Crash;

/// <summary>What an exploration has seen so far. Thread-safe.</summary>
public sealed class CrashTally
{
    private readonly ConcurrentDictionary<ulong, byte> _contents = new();
    private readonly ConcurrentDictionary<ulong, byte> _examined = new();
    private readonly ConcurrentQueue<CrashFinding> _findings = new();
    private long _workloads;
    private long _made;

    /// <summary>Workloads that ran.</summary>
    public long Workloads => Interlocked.Read(ref _workloads);

    /// <summary>Images that were made, equal ones too.</summary>
    public long Made => Interlocked.Read(ref _made);

    /// <summary>Images of different content.</summary>
    public int Distinct => _contents.Count;

    /// <summary>Images that were examined: different in content, or in what they had to hold.</summary>
    public int Examined => _examined.Count;

    public IReadOnlyCollection<CrashFinding> Findings => _findings;

    internal void NoteWorkload() => Interlocked.Increment(ref _workloads);

    internal void Note(CrashFinding finding) => _findings.Enqueue(finding);

    /// <summary>True where such an image was not examined yet.</summary>
    internal bool Note(ulong content, ulong expectation)
    {
        Interlocked.Increment(ref _made);
        _contents.TryAdd(content, 0);
        return _examined.TryAdd(content ^ (expectation * 0xD6E8FEB86659FD93), 0);
    }
}
