namespace Byre.Qcow2.Layout;

/// <summary>What a table looks like, for <see cref="FormatLimits.CheckTable"/>.</summary>
/// <param name="Name">The start of its messages: "Reference count table".</param>
/// <param name="EntryBytes">Bytes of one entry; the cluster size for tables counted in clusters.</param>
/// <param name="MaxBytes">The limit on the whole.</param>
public readonly record struct TableShape(string Name, int EntryBytes, long MaxBytes)
{
    public static TableShape ActiveL1 { get; } = new(
        "Active L1 table", Geometry.TableEntryBytes, FormatLimits.MaxL1Bytes);

    public static TableShape SnapshotL1 { get; } = new(
        "Snapshot L1 table", Geometry.TableEntryBytes, FormatLimits.MaxL1Bytes);

    /// <summary>Only the fixed parts of the records are counted: the rest is not known yet.</summary>
    public static TableShape Snapshots { get; } = new(
        "Snapshot table", SnapshotRecord.FixedBytes, (long)SnapshotRecord.FixedBytes * FormatLimits.MaxSnapshots);

    public static TableShape RefcountTable(int clusterSizeBytes) =>
        new("Reference count table", clusterSizeBytes, FormatLimits.MaxRefcountTableBytes);
}
