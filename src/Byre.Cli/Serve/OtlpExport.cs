using Byre.Block.Errors;
using Byre.Block.Graph;
using Byre.Nbd.Server;
using OpenTelemetry;
using OpenTelemetry.Exporter;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;

namespace Byre.Cli.Serve;

/// <summary>
/// Sends the meters' figures to an OpenTelemetry collector, by OTLP over HTTP, once a minute and at the end
/// (<c>OTEL_METRIC_EXPORT_INTERVAL</c>, in milliseconds, says otherwise). A collector that does not answer holds
/// nothing up: what it missed is in its next figures. Stateless.
/// </summary>
internal static class OtlpExport
{
    /// <exception cref="BlockException">That is no address of a collector.</exception>
    public static Uri ParseCollector(string text) =>
        Uri.TryCreate(text, UriKind.Absolute, out Uri? uri) && uri.Scheme is "http" or "https"
            ? uri
            : throw BlockException.Invalid($"--otlp: '{text}' is no http:// or https:// address");

    /// <summary>Sends until the result is disposed, which sends a last time.</summary>
    /// <param name="collector">Its address, as <c>OTEL_EXPORTER_OTLP_ENDPOINT</c> has it: without the path
    /// <c>v1/metrics</c>.</param>
    public static IDisposable Start(Uri collector) =>
        Sdk.CreateMeterProviderBuilder()
            .ConfigureResource(resource => resource.AddService("byre"))
            .AddMeter(ServerMeter.MeterName, NodeMeter.MeterName)
            .AddOtlpExporter((exporter, _) =>
            {
                exporter.Protocol = OtlpExportProtocol.HttpProtobuf;
                exporter.Endpoint = new Uri($"{collector.AbsoluteUri.TrimEnd('/')}/v1/metrics");
            })
            .Build();
}
