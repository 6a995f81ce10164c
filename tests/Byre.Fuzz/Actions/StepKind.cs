namespace Byre.Fuzz.Actions;

/// <summary>What is done to an image.</summary>
internal enum StepKind
{
    Open,
    Close,
    Info,
    Map,
    Check,
    RepairLeaks,
    RepairAll,
    Read,
    ReadAll,
    Write,
    WriteCompressed,
    WriteZeroes,
    Discard,
    SnapshotCreate,
    SnapshotApply,
    SnapshotDelete,
    SnapshotLoad,
    Resize,
    Flush,
    ChangeBacking,
    Reopen,
}
