namespace Byre.Block.Requests;

/// <summary>A change of a node's length.</summary>
/// <param name="LengthBytes">The new length in bytes.</param>
/// <param name="Exact">The length must be exactly this; otherwise the node may be left longer.</param>
public sealed record TruncateRequest(long LengthBytes, bool Exact = true)
{
    public PreallocationMode Preallocation { get; init; }

    /// <summary>Receives how many bytes of the growth are prepared so far; null for nobody.</summary>
    public Action<long>? Progress { get; init; }

    /// <summary>The new area must read as zeroes even where a longer backing file would show through.</summary>
    public bool ZeroFill { get; init; }

    /// <summary>
    /// Resize was asked for by a user who accepts losing data beyond the new end (format nodes check nothing).
    /// </summary>
    public bool MayShrink { get; init; } = true;
}
