using Byre.Block.Graph;

namespace Byre.Block.Requests;

/// <summary>
/// A run of bytes of one node with one status. <see cref="Length"/> is at least 1 unless the question was empty or
/// began at the end.
/// </summary>
public readonly record struct BlockExtent
{
    /// <summary>The run, in the bytes of the node that was asked.</summary>
    public required ByteRange Range { get; init; }

    public required BlockStatus Status { get; init; }

    /// <summary>Offset in <see cref="HostNode"/>; valid with <see cref="BlockStatus.OffsetValid"/>.</summary>
    public long HostOffset { get; init; }

    /// <summary>The node that holds the bytes; valid with <see cref="BlockStatus.OffsetValid"/>.</summary>
    public BlockNode? HostNode { get; init; }

    /// <summary>Length of the run in bytes.</summary>
    public long Length => Range.Length;

    public bool Has(BlockStatus flag) => (Status & flag) == flag;
}
