namespace Byre.Qcow2.Metadata;

/// <summary>
/// The rules that keep data (docs/crash-consistency.md), each named where it is kept. An image obeys all of them;
/// the crash explorer takes them away one by one, and has to notice every time.
/// </summary>
[Flags]
internal enum OrderingRules
{
    None = 0,

    /// <summary>Data, guest's and copied, is written before an entry points to it.</summary>
    DataBeforeLink = 1,

    /// <summary>Data and reference counts are stable before the entries that need them are written.</summary>
    StableBeforeLinks = 2,

    /// <summary>A flush ends with its entries stable.</summary>
    LinksBeforeReturn = 4,

    /// <summary>A cluster is neither counted down nor reused before its unlink is stable.</summary>
    UnlinkBeforeReuse = 8,

    /// <summary>A refcount block is stable before the refcount table points to it.</summary>
    BlockBeforeTableEntry = 16,

    /// <summary>A structure is stable before the header points to it.</summary>
    StructureBeforeHeader = 32,

    /// <summary>The header is stable before the request that changed it returns.</summary>
    HeaderBeforeReturn = 64,

    /// <summary>All reference counts are written before the dirty bit is cleared.</summary>
    CountsBeforeCleanBit = 128,

    /// <summary>The dirty bit is set while counts and "copied" flags disagree.</summary>
    DirtyWhileInconsistent = 256,

    /// <summary>A request that changes a mapping waits for those that use it (GuestRangeTracker).</summary>
    LeaseBeforeChange = 512,

    /// <summary>Nothing is packed into a cluster that was freed.</summary>
    PackingEndsWithCluster = 1024,

    /// <summary>Gathered compressed data is written before the device flush that its entries wait for.</summary>
    GatheredBeforeStable = 2048,

    /// <summary>What was gathered of a cluster is dropped before the cluster can be reused.</summary>
    GatheringEndsWithCluster = 4096,

    All = (GatheringEndsWithCluster * 2) - 1,
}
