using System.Runtime.InteropServices;

namespace Byre.Qcow2.Layout;

/// <summary>
/// The fixed part of the header as it lies at offset 0 of the file. Source: specification, "Header". Version 2 images
/// end after <see cref="SnapshotsOffset"/> (72 bytes); version 3 images have at least 104 bytes, with the compression
/// type 112.
/// </summary>
[StructLayout(LayoutKind.Sequential, Pack = 1)]
internal struct RawHeader
{
    public const uint MagicValue = 0x514649fb;

    /// <summary>Bytes of a version 2 header.</summary>
    public const int Version2Bytes = 72;

    /// <summary>The shortest version 3 header: without the compression type.</summary>
    public const int MinVersion3Bytes = 104;

    /// <summary>Bytes of this struct: the version 3 header as it is written today.</summary>
    public const int Bytes = 112;

    /// <summary>Where the compression type lies.</summary>
    public const int CompressionTypeOffset = 104;

    public U32Be Magic;
    public U32Be Version;
    public U64Be BackingFileOffset;
    public U32Be BackingFileBytes;
    public U32Be ClusterBits;
    public U64Be VirtualSizeBytes;
    public U32Be CryptMethod;
    public U32Be L1EntryCount;
    public U64Be L1Offset;
    public U64Be RefcountTableOffset;
    public U32Be RefcountTableClusters;
    public U32Be SnapshotCount;
    public U64Be SnapshotsOffset;

    public U64Be IncompatibleFeatures;
    public U64Be CompatibleFeatures;
    public U64Be AutoclearFeatures;
    public U32Be RefcountOrder;
    public U32Be HeaderLengthBytes;

    public byte CompressionType;
    public byte Padding0;
    public U16Be Padding1;
    public U32Be Padding3;
}
