namespace Byre.Block.Requests;

/// <summary>What is known about a run of a node's bytes.</summary>
[Flags]
public enum BlockStatus
{
    None = 0,

    /// <summary>This node stores data for the range itself.</summary>
    Data = 1,

    /// <summary>The range reads as zeroes.</summary>
    Zero = 2,

    /// <summary>
    /// <see cref="BlockExtent.HostOffset"/> and <see cref="BlockExtent.HostNode"/> tell where the bytes lie.
    /// </summary>
    OffsetValid = 4,

    /// <summary>This node, and not its backing chain, determines the content.</summary>
    Allocated = 8,

    /// <summary>The range ends at the end of the node.</summary>
    EndOfFile = 16,

    /// <summary>The data is compressed.</summary>
    Compressed = 32,

    /// <summary>
    /// Metadata says data, but the child below may know of holes there: ask it (see
    /// <see cref="BlockExtent.HostNode"/>).
    /// </summary>
    Recurse = 64,

    /// <summary>
    /// The range is passed through unchanged to <see cref="BlockExtent.HostNode"/> at
    /// <see cref="BlockExtent.HostOffset"/>.
    /// </summary>
    Raw = 128,
}
