using System.Runtime.InteropServices;
using Byre.Block.Errors;

namespace Byre.Qcow2.Layout;

/// <summary>
/// Reads and writes the header cluster. Source: specification, "Header" and "Header extensions"; the order of the
/// checks and their texts are the peer's. Stateless.
/// </summary>
public static partial class HeaderCodec
{
    /// <summary>Bytes that <see cref="ReadClusterBits"/> needs to see.</summary>
    public const int PrefixBytes = RawHeader.Bytes;

    private const int MaxVersion = 3;

    /// <summary>
    /// Looks at the first <see cref="PrefixBytes"/> bytes of a file (zeroes where it is shorter) and tells how large
    /// the header cluster is that <see cref="Parse"/> wants to see.
    /// </summary>
    /// <returns>Log2 of the cluster size: 9 to 21.</returns>
    /// <exception cref="BlockException">Not qcow2, an unknown version, or an unsupported cluster size.</exception>
    public static int ReadClusterBits(ReadOnlySpan<byte> prefix)
    {
        RawHeader raw = MemoryMarshal.Read<RawHeader>(prefix);
        if (raw.Magic.Value != RawHeader.MagicValue)
            throw Invalid("Image is not in qcow2 format");
        if (raw.Version.Value is < 2 or > MaxVersion)
            throw Unsupported($"Unsupported qcow2 version {raw.Version.Value}");
        if (raw.ClusterBits.Value is < FormatLimits.MinClusterBits or > FormatLimits.MaxClusterBits)
            throw Invalid($"Unsupported cluster size: 2^{raw.ClusterBits.Value}");
        return (int)raw.ClusterBits.Value;
    }

    /// <summary>Parses a header.</summary>
    /// <param name="cluster">The whole header cluster, filled up with zeroes where the file is shorter.</param>
    /// <param name="parsing">How much must be sound.</param>
    /// <exception cref="BlockException">The header contradicts itself, exceeds a limit, or needs a feature that is
    /// not known.</exception>
    public static ImageHeader Parse(ReadOnlySpan<byte> cluster, HeaderParsing parsing = HeaderParsing.ForUse)
    {
        int clusterBits = ReadClusterBits(cluster);
        Invariant.That(cluster.Length >= 1 << clusterBits);
        cluster = cluster[..(1 << clusterBits)];
        RawHeader raw = MemoryMarshal.Read<RawHeader>(cluster);
        if (raw.Version.Value == 2)
            FillVersion3Fields(ref raw);

        int headerLength = CheckHeaderLength(raw, cluster.Length);
        if (raw.BackingFileOffset.Value > (ulong)cluster.Length)
            throw Invalid("Invalid backing file offset");
        int extensionsEnd = raw.BackingFileOffset.Value != 0 ? (int)raw.BackingFileOffset.Value : cluster.Length;
        CompressionType compression = CheckCompressionType(raw, headerLength);
        CheckFeatures(raw, cluster, headerLength, extensionsEnd);
        CheckTables(raw, parsing);

        var header = new ImageHeader
        {
            Version = (int)raw.Version.Value,
            ClusterBits = clusterBits,
            VirtualSizeBytes = (long)(raw.VirtualSizeBytes.Value & ~(FormatLimits.SectorBytes - 1UL)),
            CryptMethod = (CryptMethod)raw.CryptMethod.Value,
            L1 = new L1Location(ToOffset(raw.L1Offset), (int)raw.L1EntryCount.Value),
            RefcountTable = new RefcountTableLocation(
                ToOffset(raw.RefcountTableOffset), (int)raw.RefcountTableClusters.Value),
            Snapshots = new SnapshotTableLocation(ToOffset(raw.SnapshotsOffset), raw.SnapshotCount.Value),
            IncompatibleFeatures = (IncompatibleFeatures)raw.IncompatibleFeatures.Value,
            CompatibleFeatures = (CompatibleFeatures)raw.CompatibleFeatures.Value,
            AutoclearFeatures = (AutoclearFeatures)raw.AutoclearFeatures.Value,
            RefcountOrder = (int)raw.RefcountOrder.Value,
            CompressionType = compression,
            UnknownFields = headerLength > RawHeader.Bytes ? [.. cluster[RawHeader.Bytes..headerLength]] : [],
        };
        header = ReadExtensions(header, cluster[..Math.Max(headerLength, extensionsEnd)], headerLength);
        if (header.CryptMethod == CryptMethod.Luks && header.CryptoHeader is null)
            throw Invalid($"Missing CRYPTO header for crypt method {raw.CryptMethod.Value}");
        header = header with { BackingFileName = ReadBackingFileName(raw, cluster) };
        return header with { IsCanonical = TryWrite(header, out byte[] written) && cluster.SequenceEqual(written) };
    }

    private static void FillVersion3Fields(ref RawHeader raw)
    {
        raw.IncompatibleFeatures = 0;
        raw.CompatibleFeatures = 0;
        raw.AutoclearFeatures = 0;
        raw.RefcountOrder = 4;
        raw.HeaderLengthBytes = RawHeader.Version2Bytes;
        raw.CompressionType = 0;
    }

    private static int CheckHeaderLength(in RawHeader raw, int clusterBytes)
    {
        uint length = raw.HeaderLengthBytes.Value;
        if (raw.Version.Value >= 3 && length < RawHeader.MinVersion3Bytes)
            throw Invalid("qcow2 header too short");
        if (length > clusterBytes)
            throw Invalid("qcow2 header exceeds cluster size");
        return (int)length;
    }

    private static CompressionType CheckCompressionType(in RawHeader raw, int headerLength)
    {
        // Images older than the field have a shorter header and zlib.
        int value = headerLength > RawHeader.CompressionTypeOffset ? raw.CompressionType : (int)CompressionType.Zlib;
        bool bitIsSet = (raw.IncompatibleFeatures.Value & (ulong)IncompatibleFeatures.CompressionType) != 0;
        if (value > (int)CompressionType.Zstd)
            throw Unsupported($"qcow2: unknown compression type: {value}");
        if (value == (int)CompressionType.Zlib && bitIsSet)
            throw Invalid("qcow2: Compression type incompatible feature bit must not be set");
        if (value != (int)CompressionType.Zlib && !bitIsSet)
            throw Invalid("qcow2: Compression type incompatible feature bit must be set");
        return (CompressionType)value;
    }

    private static void CheckFeatures(in RawHeader raw, ReadOnlySpan<byte> cluster, int headerLength, int extensionsEnd)
    {
        var features = (IncompatibleFeatures)raw.IncompatibleFeatures.Value;
        IncompatibleFeatures unknown = features & ~FeatureBits.KnownIncompatible;
        if (unknown != 0)
        {
            IReadOnlyList<FeatureName> names = extensionsEnd > headerLength
                ? FindFeatureNames(cluster[headerLength..extensionsEnd])
                : [];
            throw Unsupported($"Unsupported qcow2 feature(s): {FeatureNameTable.Describe(names, unknown)}");
        }

        int clusterBytes = cluster.Length;
        if ((features & IncompatibleFeatures.ExtendedL2) != 0 && clusterBytes < FormatLimits.MinExtendedL2ClusterBytes)
            throw Invalid($"Unsupported subcluster size: {clusterBytes / Geometry.ExtendedSubclusterCount}");
        if (raw.RefcountOrder.Value > FormatLimits.MaxRefcountOrder)
            throw Invalid("Reference count entry width too large; may not exceed 64 bits");
    }

    private static void CheckTables(in RawHeader raw, HeaderParsing parsing)
    {
        int clusterBits = (int)raw.ClusterBits.Value;
        if (raw.RefcountTableClusters.Value == 0 && parsing != HeaderParsing.ForCheck)
            throw Invalid("Image does not contain a reference count table");
        FormatLimits.CheckTable(
            raw.RefcountTableOffset.Value,
            raw.RefcountTableClusters.Value,
            TableShape.RefcountTable(1 << clusterBits),
            clusterBits);
        if (parsing != HeaderParsing.ForCheck)
            FormatLimits.CheckTable(
                raw.SnapshotsOffset.Value, raw.SnapshotCount.Value, TableShape.Snapshots, clusterBits);
        FormatLimits.CheckTable(raw.L1Offset.Value, raw.L1EntryCount.Value, TableShape.ActiveL1, clusterBits);

        // Without subclusters an L2 table has 8-byte entries, with them 16-byte ones.
        bool extendedL2 = (raw.IncompatibleFeatures.Value & (ulong)IncompatibleFeatures.ExtendedL2) != 0;
        int l1Shift = (2 * clusterBits) - (extendedL2 ? 4 : 3);
        ulong size = raw.VirtualSizeBytes.Value;
        ulong needed = (size >> l1Shift) + ((size & ((1UL << l1Shift) - 1)) != 0 ? 1UL : 0);
        if (needed > int.MaxValue || size > long.MaxValue)
            throw new BlockException(BlockErrorKind.InvalidFormat, Errno.FileTooLarge, "Image is too big");
        if (raw.L1EntryCount.Value < needed)
            throw Invalid("L1 table is too small");
        if (raw.CryptMethod.Value > (uint)CryptMethod.Luks)
            throw Invalid($"Unsupported encryption method {(int)raw.CryptMethod.Value}");
    }

    private static string? ReadBackingFileName(in RawHeader raw, ReadOnlySpan<byte> cluster)
    {
        if (raw.BackingFileOffset.Value == 0)
            return null;
        int offset = (int)raw.BackingFileOffset.Value;
        uint length = raw.BackingFileBytes.Value;
        if (length > Math.Min(FormatLimits.MaxBackingFileNameBytes, cluster.Length - offset))
            throw Invalid("Backing file name too long");
        string name = NameCodec.Decode(cluster.Slice(offset, (int)length));
        return name.Length == 0 ? null : name;
    }

    // Tables in check mode may claim offsets that do not fit a long: they keep their bits and are negative.
    private static HostOffset ToOffset(U64Be offset) => new((long)offset.Value);

    private static BlockException Invalid(string message) =>
        new(BlockErrorKind.InvalidFormat, Errno.Invalid, message);

    private static BlockException Unsupported(string message) =>
        new(BlockErrorKind.Unsupported, Errno.NotSupported, message);
}
