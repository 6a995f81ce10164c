namespace Byre.Qcow2.Metadata;

/// <summary>Why the device was flushed.</summary>
internal enum FlushReason
{
    /// <summary>The guest asked for it.</summary>
    Guest,

    /// <summary>Dirty slices had to be written to make room for others.</summary>
    CacheRoom,

    /// <summary>Freed clusters can be used again only after it.</summary>
    FreedClusters,

    /// <summary>A table was made or moved, a snapshot taken, the disk resized.</summary>
    Structure,

    /// <summary>The image was closed.</summary>
    Close,
}
