namespace Byre.Block.Graph;

/// <summary>One figure that a node counts.</summary>
/// <param name="Name">Lower case with underscores, the unit last: "l2_cache_hits", "copy_on_write_bytes".</param>
/// <param name="Help">What it means, for humans; one line.</param>
/// <param name="Value">The figure.</param>
/// <param name="OnlyGrows">True for counters, false for what goes up and down.</param>
public readonly record struct NodeFigure(string Name, string Help, long Value, bool OnlyGrows = true);
