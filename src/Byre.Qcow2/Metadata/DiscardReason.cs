namespace Byre.Qcow2.Metadata;

/// <summary>Why a cluster is freed: decides whether its space is given back to the file system.</summary>
internal enum DiscardReason
{
    /// <summary>Never passed down: the cluster was never used, or will be reused at once.</summary>
    Never,

    /// <summary>The guest discarded it (<c>pass-discard-request</c>).</summary>
    Request,

    /// <summary>A snapshot went (<c>pass-discard-snapshot</c>).</summary>
    Snapshot,

    /// <summary>Anything else (<c>pass-discard-other</c>).</summary>
    Other,

    /// <summary>Always passed down.</summary>
    Always,
}
