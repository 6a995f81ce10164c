namespace Byre.Qcow2.Check;

/// <summary>How an image is checked. Immutable.</summary>
public sealed record CheckOptions
{
    /// <summary>Reports only.</summary>
    public static CheckOptions ReadOnly { get; } = new();

    /// <summary>What may be changed.</summary>
    public RepairMode Repair { get; init; }

    /// <summary>
    /// Called with each finding, in order, by one thread at a time. An image may have as many findings as clusters, so
    /// they are not kept anywhere else.
    /// </summary>
    public Action<CheckFinding>? OnFinding { get; init; }

    /// <summary>Told the bytes of metadata that have been read so far; never smaller than the time before.</summary>
    public IProgress<long>? Progress { get; init; }

    /// <summary>
    /// Snapshots whose references are counted together, at most; the findings do not depend on it, as tests see.
    /// </summary>
    internal int MaxSnapshotGroup { get; init; } = int.MaxValue;

    /// <summary>Threads that read and decode L2 tables; the findings do not depend on it.</summary>
    public int Parallelism { get; init; } = Environment.ProcessorCount;
}
