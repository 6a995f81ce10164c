namespace Byre.Qcow2.Inspect;

/// <summary>The names of all findings. They stay as they are; new ones may come.</summary>
public static class InspectionFindingIds
{
    /// <summary>The image shows the content of another file where it has none itself.</summary>
    public const string BackingFile = "backing-file";

    /// <summary>The backing file's format is not recorded, and would be found out from its content.</summary>
    public const string BackingFormatMissing = "backing-format-missing";

    /// <summary>The guest's data lies in another file.</summary>
    public const string DataFile = "data-file";

    /// <summary>An extent or a partition of the image is another file.</summary>
    public const string ExtentFile = "extent-file";

    /// <summary>A name in the image is absolute, climbs up, asks for a protocol or is a tree of options.</summary>
    public const string UnsafeName = "unsafe-name";

    /// <summary>A name that nothing refers to.</summary>
    public const string UnusedName = "unused-name";

    /// <summary>The file is not what it was declared to be.</summary>
    public const string FormatMismatch = "format-mismatch";

    /// <summary>The file is of two formats at once: what it contains depends on who looks.</summary>
    public const string Polyglot = "polyglot";

    /// <summary>A raw disk has the first bytes of an image format where none should be.</summary>
    public const string MagicInside = "magic-inside";

    /// <summary>What a raw disk contains.</summary>
    public const string Content = "content";

    /// <summary>The format is recognised, but nobody can vouch for what is in the file.</summary>
    public const string UnexaminedFormat = "unexamined-format";

    /// <summary>The format is recognised and was examined, but this program does not read it.</summary>
    public const string UnsupportedFormat = "unsupported-format";

    /// <summary>The header contradicts itself or the format.</summary>
    public const string HeaderInvalid = "header-invalid";

    /// <summary>The image needs a feature that nobody here knows.</summary>
    public const string UnknownIncompatibleFeature = "unknown-incompatible-feature";

    /// <summary>The image has a feature that may be ignored.</summary>
    public const string UnknownCompatibleFeature = "unknown-compatible-feature";

    /// <summary>The image has a feature that the next writer will drop.</summary>
    public const string UnknownAutoclearFeature = "unknown-autoclear-feature";

    /// <summary>The header has a part that nobody here knows.</summary>
    public const string UnknownExtension = "unknown-extension";

    /// <summary>The content is encrypted.</summary>
    public const string Encrypted = "encrypted";

    /// <summary>Unlocking the image would take the processor for a very long time.</summary>
    public const string KeyDerivationCost = "key-derivation-cost";

    /// <summary>The image was not closed: its reference counts must be rebuilt.</summary>
    public const string Dirty = "dirty";

    /// <summary>The image is marked as damaged.</summary>
    public const string Corrupt = "corrupt";

    /// <summary>A table lies, or ends, outside the file.</summary>
    public const string TableOutOfFile = "table-out-of-file";

    /// <summary>Data of the guest lies outside the file.</summary>
    public const string DataOutOfFile = "data-out-of-file";

    /// <summary>Two structures share bytes of the file.</summary>
    public const string Overlap = "overlap";

    /// <summary>An entry of a table is malformed.</summary>
    public const string EntryInvalid = "entry-invalid";

    /// <summary>An entry of a table has bits that mean nothing.</summary>
    public const string ReservedBits = "reserved-bits";

    /// <summary>The image has internal snapshots.</summary>
    public const string Snapshots = "snapshots";

    /// <summary>The image has persistent bitmaps.</summary>
    public const string Bitmaps = "bitmaps";

    /// <summary>The virtual disk is very large, or larger than allowed.</summary>
    public const string VirtualSize = "virtual-size";

    /// <summary>The file unpacks to many times its size.</summary>
    public const string Expansion = "expansion";

    /// <summary>Part of the image was left out, for the work has a bound.</summary>
    public const string NotExamined = "not-examined";
}
