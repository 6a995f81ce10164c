namespace Byre.Block.Graph;

/// <summary>What a driver is given to say how large a new image would be.</summary>
public sealed class MeasureRequest
{
    /// <summary>As for <see cref="CreateRequest.Options"/>; "size" counts only without a source.</summary>
    public required OptionSet Options { get; init; }

    /// <summary>What the new image would be a copy of; null for an empty one.</summary>
    public BlockNode? Source { get; init; }
}
