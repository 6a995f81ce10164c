namespace Byre.Block.Graph;

/// <summary>
/// What a format knows of its image beyond bytes, for <c>info</c>. Immutable snapshot.
/// </summary>
public sealed class ImageInfo
{
    /// <summary>Cluster size in bytes; 0 where the format has none.</summary>
    public int ClusterSizeBytes { get; init; }

    /// <summary>
    /// Size in bytes of the pieces that clusters are allocated in; 0 where that is the whole cluster.
    /// </summary>
    public int SubclusterSizeBytes { get; init; }

    /// <summary>Offset of the vm state area in the node's address space, in bytes; 0 for none.</summary>
    public long VmStateOffset { get; init; }

    /// <summary>The image was not closed cleanly.</summary>
    public bool IsDirty { get; init; }

    public bool IsCorrupt { get; init; }

    public bool IsEncrypted { get; init; }

    public bool IsCompressed { get; init; }

    /// <summary>The backing file as it is written in the image; null for none.</summary>
    public string? BackingFileName { get; init; }

    /// <summary>The backing file's format as it is written in the image; null for none.</summary>
    public string? BackingFormat { get; init; }

    /// <summary>Internal snapshots in the order of the table.</summary>
    public IReadOnlyList<SnapshotInfo> Snapshots { get; init; } = [];

    /// <summary>
    /// "Format specific information" in print order: key → text, long, bool, or a nested <see cref="InfoObject"/> or
    /// list; null for none.
    /// </summary>
    public InfoObject? FormatSpecific { get; init; }
}
