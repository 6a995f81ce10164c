namespace Byre.Qcow2.Check;

/// <summary>What a finding is about. Stable; the text beside it may change with the peer's.</summary>
public enum CheckFindingId
{
    /// <summary>A region that the metadata refers to ends a cluster or more beyond the end of the file.</summary>
    ReferenceBeyondEnd,

    /// <summary>A cluster has more references than its reference count can hold.</summary>
    RefcountOverflow,

    /// <summary>An L1 entry has reserved bits set.</summary>
    L1EntryReservedBits,

    /// <summary>An L2 table does not start on a cluster.</summary>
    L2TableUnaligned,

    /// <summary>An L2 entry has reserved bits set.</summary>
    L2EntryReservedBits,

    /// <summary>A compressed cluster has the copied flag.</summary>
    CompressedCopied,

    /// <summary>A compressed cluster in an image with an external data file.</summary>
    CompressedWithDataFile,

    /// <summary>A compressed cluster with subcluster bits.</summary>
    CompressedWithSubclusters,

    /// <summary>A subcluster is both allocated and zero.</summary>
    SubclusterBitmapContradictory,

    /// <summary>A subcluster is allocated in a cluster that is not.</summary>
    SubclusterBitmapWithoutCluster,

    /// <summary>A preallocated zero cluster does not start on a cluster; it can be made a plain zero cluster.</summary>
    PreallocatedClusterUnaligned,

    /// <summary>A data cluster does not start on a cluster.</summary>
    DataClusterUnaligned,

    /// <summary>Snapshots in an image with an external data file.</summary>
    SnapshotsWithDataFile,

    /// <summary>A snapshot's L1 table does not start on a cluster.</summary>
    SnapshotL1Unaligned,

    /// <summary>A snapshot's L1 table is too large.</summary>
    SnapshotL1TooLarge,

    /// <summary>The snapshot table cannot be read at all.</summary>
    SnapshotTableUnreadable,

    /// <summary>A hint that belongs to the line before.</summary>
    Hint,

    /// <summary>The snapshot table has more records than fit; the surplus is dropped.</summary>
    SnapshotsOverhanging,

    /// <summary>A snapshot record has too much extra data; the surplus is dropped.</summary>
    SnapshotExtraDataTooLarge,

    /// <summary>A snapshot record of a version 3 image lacks extra data that this version demands.</summary>
    SnapshotRecordIncomplete,

    /// <summary>A repaired snapshot table could not be written.</summary>
    SnapshotTableNotWritten,

    /// <summary>A refcount table entry has reserved bits set.</summary>
    RefcountTableEntryReservedBits,

    /// <summary>A refcount block does not start on a cluster.</summary>
    RefcountBlockUnaligned,

    /// <summary>A refcount block lies beyond the end of the file.</summary>
    RefcountBlockOutsideImage,

    /// <summary>A refcount block is referred to more than once.</summary>
    RefcountBlockShared,

    /// <summary>The file could not be extended for a refcount block beyond its end.</summary>
    ResizeFailed,

    /// <summary>The reference count of a cluster cannot be read.</summary>
    RefcountUnreadable,

    /// <summary>A cluster's reference count is higher than the references to it.</summary>
    Leak,

    /// <summary>A cluster's reference count is lower than the references to it.</summary>
    RefcountTooLow,

    /// <summary>The refcount structure is being rebuilt.</summary>
    Rebuilding,

    /// <summary>The refcount structure has to be rebuilt, which this repair mode does not allow.</summary>
    RebuildNeeded,

    /// <summary>The rebuilt structure still has errors.</summary>
    RebuildIncomplete,

    /// <summary>The rebuild failed.</summary>
    RebuildFailed,

    /// <summary>The copied flag of an L1 entry contradicts its L2 table's reference count.</summary>
    L1CopiedFlag,

    /// <summary>The copied flag of an L2 entry contradicts its cluster's reference count.</summary>
    L2CopiedFlag,

    /// <summary>A repair would have overwritten other metadata and was not made.</summary>
    RepairOverlap,

    /// <summary>Reading or writing the file failed.</summary>
    InputOutput,
}
