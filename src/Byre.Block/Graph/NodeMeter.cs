using System.Diagnostics.Metrics;

namespace Byre.Block.Graph;

/// <summary>
/// The figures of open nodes as instruments of the meter "Byre.Image", for whoever listens to meters. Nothing is
/// counted twice: the instruments ask <see cref="INodeStatistics"/> when they are read. An instrument is called
/// "byre.image." and the figure's name; the tags are "image", as the caller named it, and "depth", 0 for the image
/// itself and 1 for its backing file.
/// <para>Threading: any thread. An image must be forgotten (by disposing what <see cref="Watch"/> gave) before it is
/// closed.</para>
/// </summary>
public sealed class NodeMeter : IDisposable
{
    /// <summary>The meter's name.</summary>
    public const string MeterName = "Byre.Image";

    private readonly Meter _meter = new(MeterName);
    private readonly Lock _lock = new();
    private readonly HashSet<string> _instruments = [];
    private readonly List<WatchedImage> _images = [];

    /// <summary>Shows the figures of an image and of its backing files until the result is disposed.</summary>
    public IDisposable Watch(string image, BlockNode root)
    {
        var watched = new WatchedImage(this, image, root);
        lock (_lock)
        {
            _images.Add(watched);
            foreach ((int _, NodeFigure figure) in watched.Read())
            {
                if (_instruments.Add(figure.Name))
                    AddInstrument(figure);
            }
        }

        return watched;
    }

    /// <inheritdoc/>
    public void Dispose() => _meter.Dispose();

    private void AddInstrument(NodeFigure figure)
    {
        string name = figure.Name;
        string unit = name.EndsWith("_bytes", StringComparison.Ordinal) ? "By" : "1";
        if (figure.OnlyGrows)
            _meter.CreateObservableCounter("byre.image." + name, () => Measure(name), unit, figure.Help);
        else
            _meter.CreateObservableUpDownCounter("byre.image." + name, () => Measure(name), unit, figure.Help);
    }

    private List<Measurement<long>> Measure(string name)
    {
        var found = new List<Measurement<long>>();
        lock (_lock)
        {
            foreach (WatchedImage image in _images)
            {
                foreach ((int depth, NodeFigure figure) in image.Read())
                {
                    if (figure.Name == name)
                        found.Add(new Measurement<long>(figure.Value, new("image", image.Name), new("depth", depth)));
                }
            }
        }

        return found;
    }

    private sealed class WatchedImage(NodeMeter meter, string name, BlockNode root) : IDisposable
    {
        public string Name => name;

        public IEnumerable<(int Depth, NodeFigure Figure)> Read()
        {
            int depth = 0;
            foreach (BlockNode node in BackingChain.Images(root))
            {
                if (node is INodeStatistics counting)
                {
                    foreach (NodeFigure figure in counting.Figures)
                        yield return (depth, figure);
                }

                depth++;
            }
        }

        public void Dispose()
        {
            lock (meter._lock)
                meter._images.Remove(this);
        }
    }
}
