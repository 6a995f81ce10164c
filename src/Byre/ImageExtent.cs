namespace Byre;

/// <summary>A run of the disk with one status.</summary>
/// <param name="Offset">First byte.</param>
/// <param name="Length">Bytes; at least 1.</param>
public readonly record struct ImageExtent(long Offset, long Length)
{
    /// <summary>
    /// The image, or its backing chain, stores something for the run; false where nothing was ever written.
    /// </summary>
    public bool IsAllocated { get; init; }

    /// <summary>The run reads as zeroes.</summary>
    public bool IsZero { get; init; }

    /// <summary>The run is stored compressed.</summary>
    public bool IsCompressed { get; init; }

    /// <summary>0: the image itself knows; 1: its backing file; and so on.</summary>
    public int Depth { get; init; }

    /// <summary>Where the bytes lie in the file of that depth; null where there is no such place.</summary>
    public long? HostOffset { get; init; }
}
