namespace Byre.Block.Filters;

/// <summary>What a request in a <see cref="WriteLogFilter"/>'s log does.</summary>
public enum WriteLogKind
{
    Write,
    Zeroes,
    Discard,
    Flush,

    /// <summary>The range ends at the new length.</summary>
    Truncate,
}
