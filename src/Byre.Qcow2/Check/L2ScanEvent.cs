using Byre.Qcow2.Layout;

namespace Byre.Qcow2.Check;

/// <summary>Anything in an L2 table that is more than a run of clusters.</summary>
/// <param name="Kind">Tells which of the others are set.</param>
internal readonly record struct L2ScanEvent(L2ScanEventKind Kind)
{
    /// <summary>The finding to report, for corruptions and misplaced clusters.</summary>
    public CheckFinding Finding { get; init; }

    /// <summary>What is referred to, for references.</summary>
    public TableExtent Region { get; init; }

    /// <summary>The entry's index in its table, for misplaced clusters.</summary>
    public int EntryIndex { get; init; }

    /// <summary>Why, for tables that could not be read.</summary>
    public Block.Errors.BlockException? Error { get; init; }
}
