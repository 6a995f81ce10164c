using Byre.Qcow2.Layout;

namespace Byre.Qcow2.Metadata;

/// <summary>
/// What a run of guest bytes is mapped to. One type, and for types with a host cluster one adjacent host range.
/// </summary>
internal readonly record struct ClusterMapping
{
    public required SubclusterType Type { get; init; }

    /// <summary>Bytes of the run; at least 1.</summary>
    public required long LengthBytes { get; init; }

    /// <summary>Where the first byte lies; for types with a host cluster other than compressed.</summary>
    public HostOffset Host { get; init; }

    /// <summary>The L2 word of a compressed cluster.</summary>
    public ulong CompressedWord { get; init; }

    /// <summary>
    /// True where every host cluster of the run has exactly one reference: it may be written in place.
    /// </summary>
    public bool IsCopied { get; init; }

    public bool HasHost =>
        Type is SubclusterType.Normal or SubclusterType.ZeroAllocated or SubclusterType.UnallocatedAllocated;

    public bool ReadsAsZero => Type is SubclusterType.ZeroPlain or SubclusterType.ZeroAllocated;

    public bool IsUnallocated => Type is SubclusterType.UnallocatedPlain or SubclusterType.UnallocatedAllocated;
}
