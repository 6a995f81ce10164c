namespace Byre.Qcow2.Metadata;

/// <summary>Which structures a write is compared with before it is made (<c>overlap-check</c>).</summary>
[Flags]
internal enum OverlapChecks
{
    None = 0,
    MainHeader = 1,
    ActiveL1 = 2,
    ActiveL2 = 4,
    RefcountTable = 8,
    RefcountBlock = 16,
    SnapshotTable = 32,
    InactiveL1 = 64,
    InactiveL2 = 128,
    BitmapDirectory = 256,

    Constant = MainHeader | ActiveL1 | RefcountTable | SnapshotTable | BitmapDirectory,
    Cached = Constant | ActiveL2 | RefcountBlock | InactiveL1,
    All = Cached | InactiveL2,
}
