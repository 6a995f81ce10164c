using Byre.Qcow2.Layout;

namespace Byre.Qcow2.Check;

/// <summary>What kind of thing an <see cref="L2ScanEvent"/> tells.</summary>
internal enum L2ScanEventKind
{
    /// <summary>A corruption to report.</summary>
    Corruption,

    /// <summary>
    /// A reference that has to be counted with care: it is not a run of whole clusters inside the file.
    /// </summary>
    Reference,

    /// <summary>
    /// A preallocated zero cluster at an impossible place, which a repair replaces by a plain zero cluster.
    /// </summary>
    MisplacedZeroCluster,

    /// <summary>The table could not be read.</summary>
    Unreadable,
}

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
