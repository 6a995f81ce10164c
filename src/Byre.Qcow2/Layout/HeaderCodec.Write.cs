using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Byre.Block.Errors;

namespace Byre.Qcow2.Layout;

/// <content>Writing the header cluster.</content>
public static partial class HeaderCodec
{
    /// <summary>
    /// With clusters up to this size the names of the known features are left out: their 392 bytes would leave a
    /// 512-byte header cluster hardly any room for a backing file's name.
    /// </summary>
    private const int MaxClusterBytesWithoutFeatureTable = 4096;

    /// <summary>
    /// The header cluster: fixed part, extensions (backing format, data file, crypto header, feature names, bitmaps,
    /// unknown ones, end), backing file name, zeroes.
    /// </summary>
    /// <returns>Exactly one cluster.</returns>
    /// <exception cref="BlockException">ENOSPC: it does not fit one cluster.</exception>
    public static byte[] Write(ImageHeader header)
    {
        byte[] cluster = new byte[header.ClusterSizeBytes];
        int position = header.HeaderLengthBytes;
        if (position > cluster.Length)
            throw NoSpace();
        header.UnknownFields.CopyTo(cluster.AsSpan(Math.Min(RawHeader.Bytes, position)));

        if (header.BackingFormat is { } format)
            Add(HeaderExtension.BackingFormat, NameCodec.Encode(format));
        if (header.HasDataFile && header.DataFileName is { } dataFile)
            Add(HeaderExtension.DataFile, NameCodec.Encode(dataFile));
        if (header.CryptoHeader is { Offset.Value: not 0 } crypto)
            Add(HeaderExtension.CryptoHeader, WriteCryptoHeader(crypto));
        if (header.Version >= 3 && cluster.Length > MaxClusterBytesWithoutFeatureTable)
            Add(HeaderExtension.FeatureTable, FeatureNameTable.WriteKnown());
        if (header.Bitmaps is { } bitmaps)
            Add(HeaderExtension.Bitmaps, WriteBitmaps(bitmaps));
        foreach (HeaderExtension extension in header.UnknownExtensions)
            Add(extension.Magic, extension.Data.AsSpan());
        Add(HeaderExtension.End, []);

        RawHeader raw = ToRaw(header);
        if (header.BackingFileName is { } backingFile)
        {
            byte[] name = NameCodec.Encode(backingFile);
            if (name.Length > cluster.Length - position)
                throw NoSpace();
            name.CopyTo(cluster, position);
            raw.BackingFileOffset = (ulong)position;
            raw.BackingFileBytes = (uint)name.Length;
        }

        WriteFixedPart(raw, cluster);
        return cluster;

        void Add(uint magic, ReadOnlySpan<byte> content)
        {
            int bytes = HeaderExtension.PrefixBytes + AlignExtension(content.Length);
            if (bytes > cluster.Length - position)
                throw NoSpace();
            Span<byte> target = cluster.AsSpan(position, bytes);
            BinaryPrimitives.WriteUInt32BigEndian(target, magic);
            BinaryPrimitives.WriteUInt32BigEndian(target[4..], (uint)content.Length);
            content.CopyTo(target[HeaderExtension.PrefixBytes..]);
            position += bytes;
        }
    }

    /// <summary>As <see cref="Write"/>; false where the header does not fit.</summary>
    private static bool TryWrite(ImageHeader header, out byte[] cluster)
    {
        try
        {
            cluster = Write(header);
            return true;
        }
        catch (BlockException failure) when (failure.Errno == Errno.NoSpace)
        {
            cluster = [];
            return false;
        }
    }

    /// <summary>The raw fixed part; the backing file's place is left zero.</summary>
    private static RawHeader ToRaw(ImageHeader header) => new()
    {
        Magic = RawHeader.MagicValue,
        Version = (uint)header.Version,
        ClusterBits = (uint)header.ClusterBits,
        VirtualSizeBytes = (ulong)header.VirtualSizeBytes,
        CryptMethod = (uint)header.CryptMethod,
        L1EntryCount = (uint)header.L1.EntryCount,
        L1Offset = (ulong)header.L1.Offset.Value,
        RefcountTableOffset = (ulong)header.RefcountTable.Offset.Value,
        RefcountTableClusters = (uint)header.RefcountTable.ClusterCount,
        SnapshotCount = (uint)header.Snapshots.Count,
        SnapshotsOffset = (ulong)header.Snapshots.Offset.Value,
        IncompatibleFeatures = (ulong)header.IncompatibleFeatures,
        CompatibleFeatures = (ulong)header.CompatibleFeatures,
        AutoclearFeatures = (ulong)header.AutoclearFeatures,
        RefcountOrder = (uint)header.RefcountOrder,
        HeaderLengthBytes = (uint)header.HeaderLengthBytes,
        CompressionType = (byte)header.CompressionType,
    };

    private static void WriteFixedPart(in RawHeader raw, Span<byte> cluster)
    {
        Span<byte> bytes = stackalloc byte[RawHeader.Bytes];
        MemoryMarshal.Write(bytes, raw);
        if (raw.Version.Value == 2)
            bytes = bytes[..RawHeader.Version2Bytes];
        bytes.CopyTo(cluster);
    }

    private static byte[] WriteCryptoHeader(CryptoHeaderPointer pointer)
    {
        byte[] content = new byte[CryptoHeaderPointer.ContentBytes];
        BinaryPrimitives.WriteInt64BigEndian(content, pointer.Offset.Value);
        BinaryPrimitives.WriteInt64BigEndian(content.AsSpan(8), pointer.LengthBytes);
        return content;
    }

    private static byte[] WriteBitmaps(BitmapsExtension bitmaps)
    {
        byte[] content = new byte[BitmapsExtension.ContentBytes];
        BinaryPrimitives.WriteInt32BigEndian(content, bitmaps.Count);
        BinaryPrimitives.WriteInt64BigEndian(content.AsSpan(8), bitmaps.DirectoryBytes);
        BinaryPrimitives.WriteInt64BigEndian(content.AsSpan(16), bitmaps.DirectoryOffset.Value);
        return content;
    }

    private static BlockException NoSpace() => BlockException.FromErrno(Errno.NoSpace);
}
