namespace Byre.Qcow2.Layout;

/// <summary>What an L2 entry says of its cluster as a whole.</summary>
public enum ClusterType
{
    /// <summary>
    /// Nothing is stored: the backing file shows through. With subclusters it may still hold zero bits.
    /// </summary>
    Unallocated,

    /// <summary>Reads as zeroes, without a host cluster.</summary>
    ZeroPlain,

    /// <summary>Reads as zeroes, with a host cluster reserved for it.</summary>
    ZeroAllocated,

    /// <summary>A host cluster holds the data.</summary>
    Normal,

    /// <summary>Compressed data somewhere in the file.</summary>
    Compressed,
}
