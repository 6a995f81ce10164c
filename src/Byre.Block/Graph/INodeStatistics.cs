namespace Byre.Block.Graph;

/// <summary>A node that counts what it does. Thread-safe; figures are since the node was opened.</summary>
public interface INodeStatistics
{
    /// <summary>The figures as they are now.</summary>
    IEnumerable<NodeFigure> Figures { get; }
}
