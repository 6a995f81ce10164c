namespace Byre.Block.Graph;

/// <summary>An edge of the graph: a named child node and its role.</summary>
/// <param name="Name">"file", "backing", "data-file", "image", "children.0".</param>
/// <param name="Role">What the child is to its parent.</param>
/// <param name="Node">The child.</param>
public sealed record BlockChild(string Name, ChildRole Role, BlockNode Node);
