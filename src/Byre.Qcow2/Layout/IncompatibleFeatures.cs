namespace Byre.Qcow2.Layout;

/// <summary>
/// Features that a program must know to open the image at all. Unknown bits may be present in a value that was read
/// for a message; an opened image has none. Source: specification, "Header", bytes 72-79.
/// </summary>
[Flags]
public enum IncompatibleFeatures : ulong
{
    None = 0,

    /// <summary>
    /// Refcounts may be wrong (lazy refcounts, or a crash): they must be rebuilt before the image is written to.
    /// </summary>
    Dirty = 1,

    /// <summary>Some structure is known to be damaged: no writes but a repair's.</summary>
    Corrupt = 2,

    /// <summary>Guest data lies in an external file.</summary>
    DataFile = 4,

    /// <summary>The compression type is not zlib.</summary>
    CompressionType = 8,

    /// <summary>L2 entries are 128 bits wide and describe 32 subclusters.</summary>
    ExtendedL2 = 16,
}
