namespace Byre.Qcow2.Check;

/// <summary>Kinds of metadata that a repair must not overwrite by accident.</summary>
[Flags]
internal enum OverlapKinds
{
    None = 0,
    Header = 1,
    ActiveL1 = 2,
    RefcountTable = 4,
    SnapshotTable = 8,
    InactiveL1 = 16,
    ActiveL2 = 32,
    RefcountBlock = 64,
    BitmapDirectory = 128,
}
