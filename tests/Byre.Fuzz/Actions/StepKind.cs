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
    SnapshotLoad,

    // From here on the image is changed.
    Write,
    WriteCompressed,
    WriteZeroes,
    Discard,
    SnapshotCreate,
    SnapshotApply,
    SnapshotDelete,
    Resize,
    Flush,
    ChangeBacking,
    Reopen,
}
