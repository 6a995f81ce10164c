using System.Buffers.Binary;
using Byre.Qcow2.Layout;

namespace Byre.Qcow2.Inspect;

/// <summary>
/// What the header extensions say, read with tolerance: names are wanted even of a header that no program would accept.
/// Immutable once read.
/// </summary>
internal sealed class Qcow2Extensions
{
    private readonly List<uint> _unknown = [];

    public string? BackingFormat { get; private set; }

    public string? DataFileName { get; private set; }

    public IReadOnlyList<FeatureName> FeatureNames { get; private set; } = [];

    /// <summary>Types that are not known, in file order.</summary>
    public IReadOnlyList<uint> Unknown => _unknown;

    /// <summary>Why the reading ended before the end; null where it did not.</summary>
    public string? Failure { get; private set; }

    /// <summary>Reads the extensions between the fixed part and the backing file's name.</summary>
    public static Qcow2Extensions Read(ReadOnlySpan<byte> cluster, uint headerLength, ulong backingOffset)
    {
        var extensions = new Qcow2Extensions();
        if (headerLength > (uint)cluster.Length)
        {
            extensions.Failure = "The header claims to be longer than a cluster";
            return extensions;
        }

        int end = backingOffset != 0 && backingOffset <= (ulong)cluster.Length ? (int)backingOffset : cluster.Length;
        ReadOnlySpan<byte> rest = end > headerLength ? cluster[(int)headerLength..end] : [];
        for (int count = 0; rest.Length >= HeaderExtension.PrefixBytes; count++)
        {
            uint magic = BinaryPrimitives.ReadUInt32BigEndian(rest);
            uint length = BinaryPrimitives.ReadUInt32BigEndian(rest[4..]);
            if (magic == HeaderExtension.End)
                break;
            rest = rest[HeaderExtension.PrefixBytes..];
            if (length > (uint)rest.Length)
            {
                extensions.Failure = $"The header extension 0x{magic:x8} does not fit into the header";
                length = (uint)rest.Length;
            }

            extensions.Take(magic, rest[..(int)length]);
            if (count == InspectionLimits.MaxExtensions)
                extensions.Failure = $"The header has more than {InspectionLimits.MaxExtensions} extensions";
            if (extensions.Failure is not null)
                break;
            long aligned = (length + HeaderExtension.AlignmentBytes - 1L) & -HeaderExtension.AlignmentBytes;
            rest = rest[(int)Math.Min(aligned, rest.Length)..];
        }

        return extensions;
    }

    private void Take(uint magic, ReadOnlySpan<byte> content)
    {
        switch (magic)
        {
            case HeaderExtension.BackingFormat:
                BackingFormat = DecodeStart(content);
                break;
            case HeaderExtension.DataFile:
                DataFileName = DecodeStart(content);
                break;
            case HeaderExtension.FeatureTable:
                FeatureNames = FeatureNameTable.Parse(content[..Math.Min(content.Length, MaxFeatureTableBytes)]);
                break;
            case HeaderExtension.CryptoHeader or HeaderExtension.Bitmaps:
                break;
            default:
                _unknown.Add(magic);
                break;
        }
    }

    /// <summary>192 features of 48 bytes each.</summary>
    private const int MaxFeatureTableBytes = 3 * 64 * 48;

    private static string DecodeStart(ReadOnlySpan<byte> content) =>
        NameCodec.Decode(content[..Math.Min(content.Length, FormatLimits.MaxBackingFileNameBytes + 1)]);
}
