namespace Byre.Qcow2.Inspect;

/// <summary>
/// Bounds on the work of one inspection, whatever the file claims. They are chosen so that it takes some ten
/// milliseconds where the file is in memory, and finds everything in images of usual size.
/// </summary>
public static class InspectionLimits
{
    /// <summary>Bytes read from the file: they hold the tables of a disk of 100 GiB with 64 KiB clusters.</summary>
    public const long MaxBytesRead = 16 << 20;

    /// <summary>Reads from the file: a spinning disk seeks for each.</summary>
    public const int MaxReads = 512;

    /// <summary>Table entries that are not empty, snapshots, bitmaps, extensions.</summary>
    public const int MaxEntries = 128 << 10;

    /// <summary>Memory that an inspection may allocate, all buffers together.</summary>
    public const long MaxAllocatedBytes = 32 << 20;

    /// <summary>Header extensions; writers make five.</summary>
    public const int MaxExtensions = 256;

    /// <summary>A bitmap directory of this size has room for thousands.</summary>
    public const int MaxBitmapDirectoryBytes = 256 << 10;

    /// <summary>Snapshots that are looked at.</summary>
    public const int MaxRecords = 4096;

    /// <summary>A VMDK descriptor; the peer reads no more of one either.</summary>
    public const int MaxDescriptorBytes = 64 << 10;

    /// <summary>Findings with the same name that are listed; the others are counted.</summary>
    public const int MaxFindingsOfOneKind = 8;

    /// <summary>Characters of a name from the image that are shown.</summary>
    public const int MaxNameCharacters = 1024;

    /// <summary>From this many times its own size on, a file's content is a warning.</summary>
    public const int LargeExpansion = 100;

    /// <summary>Beyond what deflate can do with one cluster: a danger.</summary>
    public const int ExtremeExpansion = 1000;

    /// <summary>64 TiB: no usual file system holds such a disk.</summary>
    public const long LargeVirtualSizeBytes = 64L << 40;

    /// <summary>Key derivation of 100 million rounds takes minutes; tools choose about two seconds' worth.</summary>
    public const long MaxKeyDerivationRounds = 100_000_000;
}
