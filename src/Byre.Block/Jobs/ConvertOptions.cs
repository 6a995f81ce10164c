namespace Byre.Block.Jobs;

/// <summary>What a <see cref="ConvertJob"/> is asked for. Immutable.</summary>
public sealed record ConvertOptions
{
    /// <summary>The most that <see cref="Workers"/> may be.</summary>
    public const int MaxWorkers = 16;

    /// <summary>The largest <see cref="SparseBytes"/>.</summary>
    public const int MaxSparseBytes = 16 << 20;

    /// <summary>Write compressed clusters; the target must be able to.</summary>
    public bool Compressed { get; init; }

    /// <summary>Chunks may be written in any order. Otherwise the target allocates in the order of the guest's
    /// addresses.</summary>
    public bool OutOfOrder { get; init; }

    /// <summary>Chunks in work at the same time, 1 to <see cref="MaxWorkers"/>.</summary>
    public int Workers { get; init; } = 8;

    /// <summary>
    /// Runs of zeroes from this length on are not stored: bytes, a multiple of 512, at most
    /// <see cref="MaxSparseBytes"/>. 0: nothing is looked for and the whole target is allocated.
    /// </summary>
    public int SparseBytes { get; init; } = 4096;

    /// <summary>The target reads as zeroes everywhere: the caller vouches for it.</summary>
    public bool TargetIsZero { get; init; }

    /// <summary>The target was created for this job, so that its driver knows what it reads as.</summary>
    public bool TargetIsNew { get; init; }

    /// <summary>The target has a backing file: what the source's own top layer does not hold is left to it.</summary>
    public bool TargetHasBacking { get; init; }

    /// <summary>Length of the target's backing file in bytes: zeroes beyond it need not be stored. Null where
    /// unknown.</summary>
    public long? TargetBackingLengthBytes { get; init; }

    /// <summary>Every write is stable on the device when it completes.</summary>
    public bool WriteThrough { get; init; }

    /// <summary>Go on after errors of the source: what cannot be read becomes zeroes, sector by sector, with a
    /// warning.</summary>
    public bool Salvage { get; init; }

    /// <summary>The most bytes a second that are written; 0 for no limit.</summary>
    public long RateLimitBytes { get; init; }

    /// <summary>Receives a warning's text. Called by one thread at a time. Null drops them.</summary>
    public Action<string>? Warn { get; init; }

    /// <summary>
    /// Receives progress, after each chunk; called by one thread at a time. Null saves the job a walk over the source's
    /// metadata to learn the total.
    /// </summary>
    public Action<JobProgress>? Progress { get; init; }
}
