namespace Byre.Block.Requests;

/// <summary>
/// What a node demands of requests and what suits it, in bytes. Alignments are powers of two. Zero stands for
/// "no limit" in the maxima and "no preference" in the optima. Immutable.
/// </summary>
public sealed record BlockLimits
{
    /// <summary>
    /// Requests are aligned to this; others go through read-modify-write in the node's base class. At least 1.
    /// </summary>
    public int RequestAlignmentBytes { get; init; } = 1;

    /// <summary>Buffers are aligned to this in memory; others are bounced. At least 1.</summary>
    public int MemoryAlignmentBytes { get; init; } = 1;

    /// <summary>The largest read or write passed to the driver.</summary>
    public long MaxTransferBytes { get; init; }

    /// <summary>The transfer size that suits best.</summary>
    public long OptimalTransferBytes { get; init; }

    /// <summary>The largest write-zeroes passed to the driver.</summary>
    public long MaxWriteZeroesBytes { get; init; }

    /// <summary>Write-zeroes requests are split at multiples of this.</summary>
    public long WriteZeroesAlignmentBytes { get; init; }

    /// <summary>The largest discard passed to the driver.</summary>
    public long MaxDiscardBytes { get; init; }

    /// <summary>Discards are split at multiples of this; smaller ones are dropped.</summary>
    public long DiscardAlignmentBytes { get; init; }

    public static BlockLimits Default { get; } = new();

    /// <summary>
    /// What remains of a child's limits for a parent that passes requests on as they come: the child shapes them
    /// itself, so only what suits it matters above.
    /// </summary>
    public BlockLimits PassedUp() => this == Default
        ? Default
        : this with
        {
            RequestAlignmentBytes = 1,
            WriteZeroesAlignmentBytes = 0,
            MaxWriteZeroesBytes = 0,
            MaxDiscardBytes = 0,
        };
}
