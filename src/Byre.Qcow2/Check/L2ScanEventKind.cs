namespace Byre.Qcow2.Check;

/// <summary>What kind of thing an <see cref="L2ScanEvent"/> tells.</summary>
internal enum L2ScanEventKind
{
    /// <summary>A corruption to report.</summary>
    Corruption,

    /// <summary>
    /// A reference that has to be counted with care: it is not a run of whole clusters inside the file.
    /// </summary>
    Reference,

    /// <summary>
    /// A preallocated zero cluster at an impossible place, which a repair replaces by a plain zero cluster.
    /// </summary>
    MisplacedZeroCluster,

    /// <summary>The table could not be read.</summary>
    Unreadable,
}
