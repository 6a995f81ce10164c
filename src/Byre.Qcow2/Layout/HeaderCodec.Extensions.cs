using System.Buffers.Binary;
using System.Collections.Immutable;
using Byre.Block.Errors;

namespace Byre.Qcow2.Layout;

/// <content>Reading the header extensions.</content>
public static partial class HeaderCodec
{
    /// <summary>
    /// What to tell the user about an image with <see cref="ImageHeader.HasStaleBitmaps"/>, without "warning: ".
    /// </summary>
    public static string StaleBitmapsWarning(ImageHeader header) => header.Version < 3
        ? "This qcow2 v2 image contains bitmaps, but they may have been modified by a program without persistent " +
            "bitmap " +
          "support; so now they must all be considered inconsistent"
        : "a program lacking bitmap support modified this file, so all bitmaps are now considered inconsistent";

    /// <summary>
    /// Fills in what the extensions from <paramref name="start"/> to the end of <paramref name="area"/> say.
    /// </summary>
    private static ImageHeader ReadExtensions(ImageHeader header, ReadOnlySpan<byte> area, int start)
    {
        ImmutableArray<HeaderExtension>.Builder unknown = ImmutableArray.CreateBuilder<HeaderExtension>();
        ReadOnlySpan<byte> rest = area[start..];
        while (TryTakeExtension(ref rest, out uint magic, out ReadOnlySpan<byte> content))
        {
            switch (magic)
            {
                case HeaderExtension.BackingFormat:
                    header = header with { BackingFormat = ReadBackingFormat(content) };
                    break;
                case HeaderExtension.DataFile:
                    header = header with { DataFileName = NameCodec.Decode(content) };
                    break;
                case HeaderExtension.CryptoHeader:
                    header = header with { CryptoHeader = ReadCryptoHeader(header, content) };
                    break;
                case HeaderExtension.Bitmaps:
                    header = ReadBitmaps(header, content);
                    break;
                case HeaderExtension.FeatureTable:
                    break;
                default:
                    unknown.Add(new HeaderExtension(magic, [.. content]));
                    break;
            }
        }

        return header with { UnknownExtensions = unknown.ToImmutable() };
    }

    /// <summary>
    /// The names that an image brings for its features; damage elsewhere in the extensions is not reported.
    /// </summary>
    private static IReadOnlyList<FeatureName> FindFeatureNames(ReadOnlySpan<byte> area)
    {
        try
        {
            while (TryTakeExtension(ref area, out uint magic, out ReadOnlySpan<byte> content))
            {
                if (magic == HeaderExtension.FeatureTable)
                    return FeatureNameTable.Parse(content);
            }
        }
        catch (BlockException)
        {
            // The missing feature is the error to report; without names it is reported by its bit.
        }

        return [];
    }

    /// <summary>
    /// Takes the next extension off <paramref name="rest"/>; false at the end marker or the end of the area.
    /// </summary>
    private static bool TryTakeExtension(ref ReadOnlySpan<byte> rest, out uint magic, out ReadOnlySpan<byte> content)
    {
        magic = HeaderExtension.End;
        content = default;
        if (rest.IsEmpty)
            return false;
        if (rest.Length < HeaderExtension.PrefixBytes)
            throw Invalid("Header extension too large");
        magic = BinaryPrimitives.ReadUInt32BigEndian(rest);
        uint length = BinaryPrimitives.ReadUInt32BigEndian(rest[4..]);
        rest = rest[HeaderExtension.PrefixBytes..];
        if (length > rest.Length)
            throw Invalid("Header extension too large");
        content = rest[..(int)length];
        rest = rest[Math.Min(AlignExtension((int)length), rest.Length)..];
        return magic != HeaderExtension.End;
    }

    private static int AlignExtension(int bytes) =>
        (bytes + HeaderExtension.AlignmentBytes - 1) & -HeaderExtension.AlignmentBytes;

    private static string ReadBackingFormat(ReadOnlySpan<byte> content)
    {
        const int bound = FormatLimits.MaxBackingFormatBytes + 1;
        if (content.Length >= bound)
            throw Invalid($"ERROR: ext_backing_format: len={content.Length} too large (>={bound})");
        return NameCodec.Decode(content);
    }

    private static CryptoHeaderPointer ReadCryptoHeader(ImageHeader header, ReadOnlySpan<byte> content)
    {
        if (header.CryptMethod != CryptMethod.Luks)
            throw Invalid("CRYPTO header extension only expected with LUKS encryption method");
        if (content.Length != CryptoHeaderPointer.ContentBytes)
        {
            throw Invalid(
                $"CRYPTO header extension size {content.Length}, but expected size {CryptoHeaderPointer.ContentBytes}");
        }

        ulong offset = BinaryPrimitives.ReadUInt64BigEndian(content);
        ulong length = BinaryPrimitives.ReadUInt64BigEndian(content[8..]);
        if ((offset & (ulong)(header.ClusterSizeBytes - 1)) != 0)
        {
            throw Invalid(
                $"Encryption header offset '{offset}' is not a multiple of cluster size '{header.ClusterSizeBytes}'");
        }

        if (offset > FormatLimits.MaxHostOffset || length > FormatLimits.MaxHostOffset)
            throw Invalid("Request for data outside of extension header");
        return new CryptoHeaderPointer(new HostOffset((long)offset), (long)length);
    }

    private static ImageHeader ReadBitmaps(ImageHeader header, ReadOnlySpan<byte> content)
    {
        if (content.Length != BitmapsExtension.ContentBytes)
            throw Invalid("bitmaps_ext: Invalid extension length: Invalid argument");
        if ((header.AutoclearFeatures & AutoclearFeatures.Bitmaps) == 0)
            return header with { HasStaleBitmaps = true };

        uint count = BinaryPrimitives.ReadUInt32BigEndian(content);
        uint reserved = BinaryPrimitives.ReadUInt32BigEndian(content[4..]);
        ulong bytes = BinaryPrimitives.ReadUInt64BigEndian(content[8..]);
        ulong offset = BinaryPrimitives.ReadUInt64BigEndian(content[16..]);
        if (reserved != 0)
            throw Invalid("bitmaps_ext: Reserved field is not zero");
        if (count > FormatLimits.MaxBitmaps)
        {
            throw Invalid(
                $"bitmaps_ext: Image has {count} bitmaps, exceeding the QEMU supported maximum of " +
                $"{FormatLimits.MaxBitmaps}");
        }

        if (count == 0)
            throw Invalid("found bitmaps extension with zero bitmaps");
        if ((offset & (ulong)(header.ClusterSizeBytes - 1)) != 0 || offset > FormatLimits.MaxHostOffset)
            throw Invalid("bitmaps_ext: invalid bitmap directory offset");
        if (bytes > FormatLimits.MaxBitmapDirectoryBytes)
        {
            throw Invalid(
                $"bitmaps_ext: bitmap directory size ({bytes}) exceeds the maximum supported size " +
                $"({FormatLimits.MaxBitmapDirectoryBytes})");
        }

        return header with { Bitmaps = new BitmapsExtension((int)count, new HostOffset((long)offset), (int)bytes) };
    }
}
