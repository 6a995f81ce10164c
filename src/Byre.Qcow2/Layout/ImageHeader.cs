using System.Collections.Immutable;

namespace Byre.Qcow2.Layout;

/// <summary>
/// What the header cluster of an image says, validated. Built by <see cref="HeaderCodec.Parse"/>, or by the creator;
/// changed only by copies (<c>with</c>) inside the engine. Immutable.
/// </summary>
public sealed record ImageHeader
{
    /// <summary>2 ("compat=0.10") or 3 ("compat=1.1").</summary>
    public int Version { get; internal init; } = 3;

    /// <summary>The backing file's name as it is stored; null for none.</summary>
    public string? BackingFileName { get; internal init; }

    /// <summary>The backing file's format as it is stored; null for none.</summary>
    public string? BackingFormat { get; internal init; }

    /// <summary>9 to 21.</summary>
    public int ClusterBits { get; internal init; }

    /// <summary>The virtual disk's size in bytes, a multiple of 512.</summary>
    public long VirtualSizeBytes { get; internal init; }

    public CryptMethod CryptMethod { get; internal init; }

    /// <summary>The active L1 table.</summary>
    public L1Location L1 { get; internal init; }

    public RefcountTableLocation RefcountTable { get; internal init; }

    public SnapshotTableLocation Snapshots { get; internal init; }

    /// <summary>Known bits only.</summary>
    public IncompatibleFeatures IncompatibleFeatures { get; internal init; }

    /// <summary>Known and unknown bits.</summary>
    public CompatibleFeatures CompatibleFeatures { get; internal init; }

    /// <summary>Known and unknown bits; an opener that writes clears the unknown ones.</summary>
    public AutoclearFeatures AutoclearFeatures { get; internal init; }

    /// <summary>Log2 of the width of a reference count: 0 to 6.</summary>
    public int RefcountOrder { get; internal init; } = 4;

    public CompressionType CompressionType { get; internal init; }

    /// <summary>The external data file's name as it is stored; null where none is.</summary>
    public string? DataFileName { get; internal init; }

    /// <summary>The persistent bitmaps; null for none.</summary>
    public BitmapsExtension? Bitmaps { get; internal init; }

    /// <summary>
    /// True where the file has a bitmaps extension that is not to be trusted (its autoclear bit is not set): it was
    /// left out of
    /// <see cref="Bitmaps"/>, and an opener that writes updates the header to drop it.
    /// </summary>
    public bool HasStaleBitmaps { get; internal init; }

    /// <summary>The LUKS header; null without.</summary>
    public CryptoHeaderPointer? CryptoHeader { get; internal init; }

    /// <summary>Extensions this build does not know, in file order.</summary>
    public ImmutableArray<HeaderExtension> UnknownExtensions { get; internal init; } = [];

    /// <summary>Bytes of the fixed part beyond those this build knows.</summary>
    public ImmutableArray<byte> UnknownFields { get; internal init; } = [];

    /// <summary>
    /// True where the cluster in the file is, byte for byte, what <see cref="HeaderCodec.Write"/> makes of this
    /// header: then a change of fixed fields may be written as one sector. False for images of programs that order
    /// things differently.
    /// </summary>
    public bool IsCanonical { get; internal init; }

    /// <summary>Length of the fixed part as it is written, in bytes: where the extensions start.</summary>
    public int HeaderLengthBytes =>
        Version < 3 ? RawHeader.Version2Bytes : RawHeader.Bytes + UnknownFields.Length;

    /// <summary>Cluster size in bytes.</summary>
    public int ClusterSizeBytes => 1 << ClusterBits;

    public bool HasExtendedL2 => Has(IncompatibleFeatures.ExtendedL2);

    public bool HasDataFile => Has(IncompatibleFeatures.DataFile);

    public bool IsDataFileRaw => (AutoclearFeatures & AutoclearFeatures.DataFileRaw) != 0;

    public bool IsDirty => Has(IncompatibleFeatures.Dirty);

    public bool IsCorrupt => Has(IncompatibleFeatures.Corrupt);

    public bool HasLazyRefcounts => (CompatibleFeatures & CompatibleFeatures.LazyRefcounts) != 0;

    /// <summary>The image's arithmetic.</summary>
    public Geometry CreateGeometry() => new(ClusterBits, RefcountOrder, HasExtendedL2);

    public bool Has(IncompatibleFeatures feature) => (IncompatibleFeatures & feature) != 0;

    /// <inheritdoc/>
    public bool Equals(ImageHeader? other) =>
        other is not null && HeaderCodec.Write(this).AsSpan().SequenceEqual(HeaderCodec.Write(other));

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Version, ClusterBits, VirtualSizeBytes, L1, RefcountTable);
}
