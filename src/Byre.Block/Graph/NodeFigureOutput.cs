namespace Byre.Block.Graph;

/// <summary>
/// Where nodes that count leave their figures when they are closed, for a program that tells at its end what it did.
/// Who wants figures of open nodes asks them (<see cref="INodeStatistics"/>). The sink is called on any thread.
/// </summary>
public static class NodeFigureOutput
{
    /// <summary>Receives each node and its last figures; null drops them.</summary>
    public static Action<BlockNode, IReadOnlyList<NodeFigure>>? Sink { get; set; }

    /// <summary>To be called by a node at the end of its close, before its children's.</summary>
    public static void Report(BlockNode node)
    {
        if (Sink is { } sink && node is INodeStatistics counting)
            sink(node, [.. counting.Figures]);
    }
}
