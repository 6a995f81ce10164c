using Byre.Qcow2.Layout;

namespace Byre.Qcow2.Metadata;

/// <summary>
/// What a transaction lacked. The caller provides it outside the lock and runs the transaction again.
/// </summary>
internal enum MissKind
{
    /// <summary>Nothing: the transaction is done.</summary>
    None,

    /// <summary>A slice of an L2 table must be loaded.</summary>
    L2Slice,

    /// <summary>A slice of a refcount block must be loaded.</summary>
    RefcountSlice,

    /// <summary>The refcount block that counts a cluster must be created.</summary>
    RefcountBlock,

    /// <summary>The active L1 entry needs an L2 table of its own (none yet, or one shared with a snapshot).</summary>
    L2Table,
}

/// <summary>What a transaction lacked, and where.</summary>
/// <param name="Kind">What is missing.</param>
/// <param name="Where">Slice offset in the file; cluster index for a refcount block; L1 index for an L2 table.</param>
internal readonly record struct MetadataMiss(MissKind Kind, long Where)
{
    public static MetadataMiss None => default;

    public bool IsNone => Kind == MissKind.None;

    public static MetadataMiss ForL2Slice(HostOffset slice) => new(MissKind.L2Slice, slice.Value);

    public static MetadataMiss ForRefcountSlice(HostOffset slice) => new(MissKind.RefcountSlice, slice.Value);

    public static MetadataMiss ForRefcountBlock(HostCluster counted) => new(MissKind.RefcountBlock, counted.Index);

    public static MetadataMiss ForL2Table(long l1Index) => new(MissKind.L2Table, l1Index);
}
