using System.Globalization;
using System.Text;

namespace Byre.Qcow2.Layout;

/// <summary>
/// The feature name table: lets a program that does not know a feature name it. Source: specification, "Feature name
/// table": entries of 48 bytes: type, bit number, name padded with zeroes. Stateless.
/// </summary>
public static class FeatureNameTable
{
    private const int EntryBytes = 48;
    private const int NameOffset = 2;

    private static readonly FeatureName[] s_known =
    [
        new(FeatureType.Incompatible, 0, "dirty bit"),
        new(FeatureType.Incompatible, 1, "corrupt bit"),
        new(FeatureType.Incompatible, 2, "external data file"),
        new(FeatureType.Incompatible, 3, "compression type"),
        new(FeatureType.Incompatible, 4, "extended L2 entries"),
        new(FeatureType.Compatible, 0, "lazy refcounts"),
        new(FeatureType.Autoclear, 0, "bitmaps"),
        new(FeatureType.Autoclear, 1, "raw external data"),
    ];

    /// <summary>The names of the bits this build knows, in the order in which they are written.</summary>
    public static IReadOnlyList<FeatureName> Known => s_known;

    /// <summary>The content of the extension that names all known bits.</summary>
    public static byte[] WriteKnown()
    {
        byte[] table = new byte[s_known.Length * EntryBytes];
        for (int i = 0; i < s_known.Length; i++)
        {
            Span<byte> entry = table.AsSpan(i * EntryBytes, EntryBytes);
            entry[0] = (byte)s_known[i].Type;
            entry[1] = (byte)s_known[i].Bit;
            Encoding.ASCII.GetBytes(s_known[i].Name, entry[NameOffset..]);
        }

        return table;
    }

    /// <summary>The names in an extension's content, up to the first without one.</summary>
    public static IReadOnlyList<FeatureName> Parse(ReadOnlySpan<byte> content)
    {
        var names = new List<FeatureName>();
        while (content.Length > NameOffset && content[NameOffset] != 0)
        {
            ReadOnlySpan<byte> entry = content[..Math.Min(EntryBytes, content.Length)];
            names.Add(new FeatureName((FeatureType)entry[0], entry[1], NameCodec.Decode(entry[NameOffset..])));
            content = content[entry.Length..];
        }

        return names;
    }

    /// <summary>
    /// What stands after "Unsupported qcow2 feature(s): ": the names of the bits in <paramref name="unsupported"/>,
    /// and the bits without a name in hexadecimal.
    /// </summary>
    public static string Describe(IReadOnlyList<FeatureName> names, IncompatibleFeatures unsupported)
    {
        ulong left = (ulong)unsupported;
        var parts = new List<string>();
        foreach (FeatureName name in names)
        {
            ulong bit = 1UL << (name.Bit & 63);
            if (name.Type != FeatureType.Incompatible || (left & bit) == 0)
                continue;
            parts.Add(name.Name);
            left &= ~bit;
        }

        if (left != 0)
            parts.Add("Unknown incompatible feature: " + left.ToString("x", CultureInfo.InvariantCulture));
        return string.Join(", ", parts);
    }
}
