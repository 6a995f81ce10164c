using System.Diagnostics.Metrics;

namespace Byre.Nbd.Server;

/// <summary>
/// The figures of a server's exports as instruments of the meter "Byre.Nbd", for whoever listens to meters. Nothing is
/// measured twice: the instruments read <see cref="ExportStatistics"/> when they are asked, but for the histogram of
/// times, which is told of each request while somebody listens to it.
/// </summary>
public sealed class ServerMeter : IDisposable
{
    /// <summary>The meter's name.</summary>
    public const string MeterName = "Byre.Nbd";

    private readonly Meter _meter = new(MeterName);
    private readonly NbdServer _server;
    private readonly Histogram<double> _durations;
    private readonly List<(ExportStatistics Statistics, Action<int, double> Record)> _recorders = [];

    public ServerMeter(NbdServer server)
    {
        _server = server;
        _meter.CreateObservableCounter(
            "nbd.server.requests", () => PerKind((s, kind) => s.Requests(kind)), "{request}", "Requests answered.");
        _meter.CreateObservableCounter(
            "nbd.server.errors", () => PerKind((s, kind) => s.Errors(kind)), "{request}", "Answered with an error.");
        _meter.CreateObservableCounter(
            "nbd.server.bytes", () => PerKind((s, kind) => s.Bytes(kind)), "By", "Bytes of the ranges that succeeded.");
        _meter.CreateObservableCounter(
            "nbd.server.time", () => PerKind((s, kind) => s.Seconds(kind)), "s", "Time from request to answer.");
        _meter.CreateObservableUpDownCounter(
            "nbd.server.in_flight", () => PerExport(s => s.InFlight), "{request}", "Requests not answered yet.");
        _meter.CreateObservableUpDownCounter(
            "nbd.server.clients", () => PerExport(s => s.Clients), "{client}", "Open connections.");
        _durations = _meter.CreateHistogram(
            "nbd.server.duration", "s", "Time from request to answer.", tags: null, new InstrumentAdvice<double>
            {
                HistogramBucketBoundaries =
                    [.. Enumerable.Range(0, ExportStatistics.BucketCount - 1).Select(ExportStatistics.BucketSeconds)],
            });
        foreach (NbdExport export in server.Exports)
        {
            Action<int, double> record = (kind, seconds) => Record(export, kind, seconds);
            export.Statistics.Answered += record;
            _recorders.Add((export.Statistics, record));
        }
    }

    public void Dispose()
    {
        foreach ((ExportStatistics statistics, Action<int, double> record) in _recorders)
            statistics.Answered -= record;
        _meter.Dispose();
    }

    private void Record(NbdExport export, int kind, double seconds)
    {
        if (_durations.Enabled)
            _durations.Record(seconds, Tag(export), Kind(kind));
    }

    private IEnumerable<Measurement<T>> PerKind<T>(Func<ExportStatistics, int, T> read)
        where T : struct
    {
        foreach (NbdExport export in _server.Exports)
        {
            for (int kind = 0; kind < ExportStatistics.KindCount; kind++)
            {
                if (export.Statistics.Requests(kind) > 0)
                    yield return new Measurement<T>(read(export.Statistics, kind), Tag(export), Kind(kind));
            }
        }
    }

    private IEnumerable<Measurement<long>> PerExport(Func<ExportStatistics, long> read) =>
        _server.Exports.Select(export => new Measurement<long>(read(export.Statistics), Tag(export)));

    private static KeyValuePair<string, object?> Tag(NbdExport export) => new("export", export.Name);

    private static KeyValuePair<string, object?> Kind(int kind) => new("command", ExportStatistics.NameOf(kind));
}
