namespace Byre.Block.Graph;

/// <summary>One internal snapshot as a user sees it.</summary>
/// <param name="Id">The unique id, a text of digits.</param>
/// <param name="Name">The name given at creation; may be empty.</param>
public sealed record SnapshotInfo(string Id, string Name)
{
    /// <summary>Size of the saved vm state in bytes; 0 for disk-only snapshots.</summary>
    public long VmStateBytes { get; init; }

    /// <summary>When it was taken: seconds since 1970 in UTC.</summary>
    public long DateSeconds { get; init; }

    /// <summary>Sub-second part of the date in nanoseconds.</summary>
    public int DateNanoseconds { get; init; }

    /// <summary>The guest's clock at that moment in nanoseconds.</summary>
    public ulong VmClockNanoseconds { get; init; }

    /// <summary>The guest's instruction count; null where none was recorded.</summary>
    public ulong? InstructionCount { get; init; }

    /// <summary>Virtual disk size at that moment in bytes.</summary>
    public long DiskBytes { get; init; }
}
