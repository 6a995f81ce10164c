namespace Byre.Block.Jobs;

/// <summary>What a <see cref="CompareJob"/> is asked for. Immutable.</summary>
public sealed record CompareOptions
{
    /// <summary>Differences of the block status (allocated, zero) count too.</summary>
    public bool Strict { get; init; }

    /// <summary>Pieces that are read at the same time.</summary>
    public int Workers { get; init; } = 4;

    /// <summary>Receives progress, in bytes of the longer disk; called by one thread at a time.</summary>
    public Action<JobProgress>? Progress { get; init; }

    /// <summary>Called once where the common part is identical and one disk is longer, before the rest is looked
    /// at.</summary>
    public Action? LengthsDiffer { get; init; }
}
