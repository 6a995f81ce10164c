using System.Globalization;
using System.Text;
using Byre.Block.Graph;

namespace Byre.Nbd.Server;

/// <summary>A server's figures as a text in the OpenMetrics format. Stateless.</summary>
public static class OpenMetricsPage
{
    /// <summary>What a web server calls it.</summary>
    public const string ContentType = "application/openmetrics-text; version=1.0.0; charset=utf-8";

    /// <summary>The figures as they are now.</summary>
    public static string Write(NbdServer server)
    {
        var page = new StringBuilder();
        WriteKinds(page, server, "requests", "", "Requests answered.", (s, kind) => s.Requests(kind));
        WriteKinds(page, server, "errors", "", "Requests answered with an error.", (s, kind) => s.Errors(kind));
        WriteKinds(page, server, "bytes", "bytes", "Bytes of the ranges that succeeded.", (s, kind) => s.Bytes(kind));
        WriteLatency(page, server);
        WriteGauge(page, server, "requests_in_flight", "Requests not answered yet.", s => s.InFlight);
        WriteGauge(page, server, "clients", "Open connections.", s => s.Clients);
        WriteNodes(page, server);
        return page.Append("# EOF\n").ToString();
    }

    private static void WriteKinds(
        StringBuilder page,
        NbdServer server,
        string name,
        string unit,
        string help,
        Func<ExportStatistics, int, long> read)
    {
        string family = "byre_nbd_" + name;
        Describe(page, family, "counter", unit, help);
        foreach ((NbdExport export, int kind) in Used(server))
            Line(page, $"{family}_total{{{LabelsOf(export, kind)}}} {read(export.Statistics, kind)}");
    }

    private static void WriteLatency(StringBuilder page, NbdServer server)
    {
        const string Family = "byre_nbd_request_duration_seconds";
        Describe(page, Family, "histogram", "seconds", "Time from request to answer.");
        foreach ((NbdExport export, int kind) in Used(server))
        {
            string labels = LabelsOf(export, kind);
            long sum = 0;
            for (int bucket = 0; bucket < ExportStatistics.BucketCount; bucket++)
            {
                sum += export.Statistics.InBucket(kind, bucket);
                double bound = ExportStatistics.BucketSeconds(bucket);
                string le = double.IsInfinity(bound) ? "+Inf" : Text(bound);
                Line(page, $"{Family}_bucket{{{labels},le=\"{le}\"}} {sum}");
            }

            Line(page, $"{Family}_count{{{labels}}} {sum}");
            Line(page, $"{Family}_sum{{{labels}}} {Text(export.Statistics.Seconds(kind))}");
        }
    }

    private static void WriteGauge(
        StringBuilder page, NbdServer server, string name, string help, Func<ExportStatistics, long> read)
    {
        Describe(page, "byre_nbd_" + name, "gauge", "", help);
        foreach (NbdExport export in server.Exports)
            Line(page, $"byre_nbd_{name}{{export=\"{Escape(export.Name)}\"}} {read(export.Statistics)}");
    }

    /// <summary>What the exported images and those below them count, a family at a time.</summary>
    private static void WriteNodes(StringBuilder page, NbdServer server)
    {
        var figures = new List<(string Labels, NodeFigure Figure)>();
        foreach (NbdExport export in server.Exports)
        {
            int depth = 0;
            foreach (BlockNode node in BackingChain.Images(export.Backend.Root))
            {
                string labels = $"export=\"{Escape(export.Name)}\",depth=\"{depth++}\"";
                if (node is INodeStatistics counting)
                    figures.AddRange(counting.Figures.Select(figure => (labels, figure)));
            }
        }

        foreach (var family in figures.GroupBy(entry => entry.Figure.Name))
        {
            NodeFigure first = family.First().Figure;
            string unit = first.Name.EndsWith("_bytes", StringComparison.Ordinal) ? "bytes" : "";
            string name = "byre_image_" + first.Name;
            Describe(page, name, first.OnlyGrows ? "counter" : "gauge", unit, first.Help);
            foreach ((string labels, NodeFigure figure) in family)
                Line(page, $"{name}{(first.OnlyGrows ? "_total" : "")}{{{labels}}} {figure.Value}");
        }
    }

    private static IEnumerable<(NbdExport Export, int Kind)> Used(NbdServer server) =>
        from export in server.Exports
        from kind in Enumerable.Range(0, ExportStatistics.KindCount)
        where export.Statistics.Requests(kind) > 0
        select (export, kind);

    private static void Describe(StringBuilder page, string family, string type, string unit, string help)
    {
        Line(page, $"# TYPE {family} {type}");
        if (unit.Length > 0)
            Line(page, $"# UNIT {family} {unit}");
        Line(page, $"# HELP {family} {help}");
    }

    private static string LabelsOf(NbdExport export, int kind) =>
        $"export=\"{Escape(export.Name)}\",command=\"{ExportStatistics.NameOf(kind).Replace(' ', '_')}\"";

    private static string Escape(string text) =>
        text.Replace("\\", "\\\\", StringComparison.Ordinal)
            .Replace("\"", "\\\"", StringComparison.Ordinal)
            .Replace("\n", "\\n", StringComparison.Ordinal);

    private static string Text(double value) => value.ToString("R", CultureInfo.InvariantCulture);

    private static void Line(StringBuilder page, string line) => page.Append(line).Append('\n');
}
