using System.Globalization;
using System.Text;
using Byre.Block.Graph;

namespace Byre.Cli.Shared;

/// <summary>
/// What the images of a run counted, told at its end: <c>--stats</c> of every command. Thread-safe but for
/// <see cref="Print"/>.
/// </summary>
internal sealed class StatisticsReport(bool isJson)
{
    private readonly Lock _lock = new();
    private readonly List<(string FileName, string Format, IReadOnlyList<NodeFigure> Figures)> _closed = [];

    /// <summary>Keeps the figures of a node that is being closed.</summary>
    public void Add(BlockNode node, IReadOnlyList<NodeFigure> figures)
    {
        lock (_lock)
            _closed.Add((node.FileName, node.Driver.Name, figures));
    }

    /// <summary>Prints every image that was closed, in the order of their closing.</summary>
    public void Print(StandardOutput output) => output.Write(isJson ? Json() : Human());

    /// <summary>The lines for one image: name, value and meaning of each figure.</summary>
    public static string Lines(IEnumerable<NodeFigure> figures)
    {
        var text = new StringBuilder();
        foreach (NodeFigure figure in figures)
            text.Append(CultureInfo.InvariantCulture, $"    {figure.Name,-32}{figure.Value,14}  {figure.Help}\n");
        return text.ToString();
    }

    private string Human()
    {
        var text = new StringBuilder();
        foreach ((string fileName, string format, IReadOnlyList<NodeFigure> figures) in _closed)
            text.Append(CultureInfo.InvariantCulture, $"statistics of {fileName} ({format}):\n{Lines(figures)}");
        return text.ToString();
    }

    private string Json()
    {
        var images = new List<object>();
        foreach ((string fileName, string format, IReadOnlyList<NodeFigure> figures) in _closed)
        {
            var counted = new InfoObject();
            foreach (NodeFigure figure in figures)
                counted.Add(figure.Name, figure.Value);
            images.Add(new InfoObject().Add("filename", fileName).Add("format", format).Add("figures", counted));
        }

        return QemuJsonWriter.WriteCompact(new InfoObject().Add("statistics", images)) + "\n";
    }
}
