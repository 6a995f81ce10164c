namespace Byre.Qcow2.Layout;

/// <summary>
/// One persistent bitmap as the directory describes it, validated. Read and written by
/// <see cref="BitmapDirectoryCodec"/>. Immutable.
/// </summary>
public sealed record BitmapDirectoryEntry
{
    /// <summary>Bytes of the fixed part of an entry in the file.</summary>
    public const int FixedBytes = 24;

    /// <summary>The only type there is: a dirty tracking bitmap.</summary>
    public const byte DirtyTrackingType = 1;

    /// <summary>Unique in the image; at most 1023 bytes.</summary>
    public string Name { get; internal init; } = "";

    /// <summary>Where the bitmap table lies; aligned to clusters, not 0.</summary>
    public HostOffset TableOffset { get; internal init; }

    /// <summary>8-byte entries of the bitmap table, at least 1.</summary>
    public int TableEntryCount { get; internal init; }

    public BitmapFlags Flags { get; internal init; }

    /// <summary>Log2 of the guest bytes that one bit stands for: 9 to 31.</summary>
    public int GranularityBits { get; internal init; }

    public bool IsInUse => (Flags & BitmapFlags.InUse) != 0;

    public bool IsAuto => (Flags & BitmapFlags.Auto) != 0;
}
