using Byre.Block.Graph;

namespace Byre.Block.Jobs;

/// <summary>What a <see cref="RebaseJob"/> is asked for. Immutable.</summary>
public sealed record RebaseOptions
{
    /// <summary>The overlay's old backing node; null for none (its unallocated parts read as zeroes).</summary>
    public BlockNode? OldBacking { get; init; }

    /// <summary>The node that is to show through the overlay; null for none.</summary>
    public BlockNode? NewBacking { get; init; }

    /// <summary>The new backing node is already in the overlay's chain: only what lies above it can differ.</summary>
    public bool NewBackingIsInChain { get; init; }

    /// <summary>What differs is written compressed.</summary>
    public bool Compressed { get; init; }

    /// <summary>Pieces in work at the same time.</summary>
    public int Workers { get; init; } = 4;

    /// <summary>Receives progress, in bytes of the overlay; called by one thread at a time.</summary>
    public Action<JobProgress>? Progress { get; init; }
}
