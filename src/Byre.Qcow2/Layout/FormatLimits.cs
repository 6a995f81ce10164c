using Byre.Block.Errors;

namespace Byre.Qcow2.Layout;

/// <summary>
/// Every limit on what an image may claim, with the peer's values, so that neither program makes what the other
/// refuses. Memory use is bounded by these and by the file's size, never by a number in a header alone.
/// </summary>
public static class FormatLimits
{
    /// <summary>512 bytes: a cluster is never smaller than a disk sector.</summary>
    public const int MinClusterBits = 9;

    /// <summary>2 MiB: the specification leaves it to the program; the peer refuses more.</summary>
    public const int MaxClusterBits = 21;

    /// <summary>64 KiB: an L2 table of it maps 512 MiB, and it is the size everyone tests with.</summary>
    public const int DefaultClusterBytes = 65536;

    /// <summary>
    /// A subcluster is never smaller than a disk sector either: 16 KiB clusters with extended L2 entries.
    /// </summary>
    public const int MinExtendedL2ClusterBytes = (1 << MinClusterBits) * Geometry.ExtendedSubclusterCount;

    /// <summary>A 64-bit refcount.</summary>
    public const int MaxRefcountOrder = 6;

    /// <summary>Virtual disk sizes are multiples of a sector.</summary>
    public const int SectorBytes = 512;

    /// <summary>
    /// 32 MiB of L1 table map 2 PB with 64 KiB clusters, 128 GB with 512-byte and 2 EB with 2 MiB clusters.
    /// </summary>
    public const int MaxL1Bytes = 32 << 20;

    /// <summary>8 MiB of refcount table count 2 PB with 64 KiB clusters.</summary>
    public const int MaxRefcountTableBytes = 8 << 20;

    /// <summary>Snapshots in one image.</summary>
    public const int MaxSnapshots = 65536;

    /// <summary>On average 1 KiB per snapshot record: ample for names.</summary>
    public const int MaxSnapshotTableBytes = 1024 * MaxSnapshots;

    /// <summary>Extra data of one snapshot record; 24 bytes of it are known today.</summary>
    public const int MaxSnapshotExtraBytes = 1024;

    /// <summary>Persistent bitmaps in one image.</summary>
    public const int MaxBitmaps = 65535;

    /// <summary>On average 1 KiB per directory entry; a name has at most 1023 bytes.</summary>
    public const int MaxBitmapDirectoryBytes = 1024 * MaxBitmaps;

    /// <summary>Entries of one bitmap's table: 1 GiB of table, as the peer.</summary>
    public const int MaxBitmapTableEntries = 0x8000000;

    /// <summary>512 bytes per bit: finer than a sector tells nothing.</summary>
    public const int MinBitmapGranularityBits = 9;

    /// <summary>2 GiB per bit.</summary>
    public const int MaxBitmapGranularityBits = 31;

    /// <summary>Bytes of a bitmap's name.</summary>
    public const int MaxBitmapNameBytes = 1023;

    /// <summary>Bytes of the backing file's name: the specification's limit, without a terminating zero.</summary>
    public const int MaxBackingFileNameBytes = 1023;

    /// <summary>Bytes of the backing file's format name, without a terminating zero.</summary>
    public const int MaxBackingFormatBytes = 15;

    /// <summary>Host offsets have 56 bits in every table entry.</summary>
    public const long MaxHostOffset = (1L << 56) - 1;

    /// <summary>
    /// Checks a table's location: at most the limit of <paramref name="shape"/> long, starting on a cluster and
    /// ending below 2^63.
    /// </summary>
    /// <param name="offset">First byte as the file gives it.</param>
    /// <param name="entryCount">Entries as the file gives it.</param>
    /// <param name="shape">Name for messages ("Active L1 table"), bytes of an entry and the limit.</param>
    /// <param name="clusterBits">The image's cluster size.</param>
    /// <exception cref="BlockException">"NAME too large" (EFBIG) or "NAME offset invalid" (EINVAL).</exception>
    public static void CheckTable(ulong offset, ulong entryCount, TableShape shape, int clusterBits)
    {
        if (entryCount > (ulong)(shape.MaxBytes / shape.EntryBytes))
            throw new BlockException(BlockErrorKind.InvalidFormat, Errno.FileTooLarge, $"{shape.Name} too large");
        ulong bytes = entryCount * (ulong)shape.EntryBytes;
        if (long.MaxValue - bytes < offset || (offset & ((1UL << clusterBits) - 1)) != 0)
            throw new BlockException(BlockErrorKind.InvalidFormat, Errno.Invalid, $"{shape.Name} offset invalid");
    }
}
