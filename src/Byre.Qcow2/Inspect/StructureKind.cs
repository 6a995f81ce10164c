namespace Byre.Qcow2.Inspect;

/// <summary>The structures of a qcow2 file that may not share bytes.</summary>
internal enum StructureKind : byte
{
    Header,
    ActiveL1Table,
    L2Table,
    RefcountTable,
    RefcountBlock,
    SnapshotTable,
    SnapshotL1Table,
    BitmapDirectory,
    BitmapTable,
    EncryptionHeader,
}
