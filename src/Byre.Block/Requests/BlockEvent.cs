namespace Byre.Block.Requests;

/// <summary>
/// Named moments in a format driver's work. Error-injecting and pausing filters act on them; every other node passes
/// them down for nothing. The names are those that the peer's blkdebug configuration uses (lower case with
/// underscores).
/// </summary>
public enum BlockEvent
{
    L1Update, L1GrowAllocTable, L1GrowWriteTable, L1GrowActivateTable,
    L2Load, L2Update, L2UpdateCompressed, L2AllocCowRead, L2AllocWrite,
    ReadAio, ReadBackingAio, ReadCompressed,
    WriteAio, WriteCompressed, VmstateLoad, VmstateSave, CowRead, CowWrite,
    ReftableLoad, ReftableGrow, ReftableUpdate,
    RefblockLoad, RefblockUpdate, RefblockUpdatePart, RefblockAlloc, RefblockAllocHookup,
    RefblockAllocWrite, RefblockAllocWriteBlocks, RefblockAllocWriteTable, RefblockAllocSwitchTable,
    ClusterAlloc, ClusterAllocBytes, ClusterFree,
    FlushToOs, FlushToDisk, PwritevRmwHead, PwritevRmwAfterHead, PwritevRmwTail, PwritevRmwAfterTail,
    Pwritev, PwritevZero, PwritevDone, EmptyImagePrepare,
    L1ShrinkWriteTable, L1ShrinkFreeL2Clusters, CorWrite, ClusterAllocSpace, None,
}
