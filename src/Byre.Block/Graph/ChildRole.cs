namespace Byre.Block.Graph;

/// <summary>What a child is to its parent.</summary>
[Flags]
public enum ChildRole
{
    None = 0,

    /// <summary>Stores guest data.</summary>
    Data = 1,

    /// <summary>Stores the format's metadata.</summary>
    Metadata = 2,

    /// <summary>The parent is a filter over this child: same bytes at the same offsets.</summary>
    Filtered = 4,

    /// <summary>The parent falls through to this child where it stores nothing (the backing file).</summary>
    Backing = 8,
}
