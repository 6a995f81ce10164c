using Byre.Block.Graph;
using Byre.Nbd.Server;
using Byre.Nbd.Tests.Support;

namespace Byre.Nbd.Tests.Server;

/// <summary>The figures that a server tells.</summary>
public sealed class MetricsTests
{
    [Fact]
    public async Task The_page_counts_requests_bytes_times_and_what_the_image_counts()
    {
        using var directory = new TempDirectory();
        await Images.CreateAsync("qcow2", directory["image"], 1 << 20);
        BlockNode image = await Images.OpenAsync(directory["image"]);
        await using TestServer server = await TestServer.StartAsync([("a\"b", image)]);
        await using (BlockNode node = await Images.OpenAsync(
            "", ("driver", "nbd"), ("path", server.Path), ("export", "a\"b")))
        {
            await node.WriteAsync(0, new byte[] { 1, 2, 3 });
            await node.ReadAsync(0, new byte[4096]);
            await node.FlushAsync();
        }

        string page = OpenMetricsPage.Write(server.Server);
        Assert.EndsWith("# EOF\n", page);
        Assert.Contains("byre_nbd_requests_total{export=\"a\\\"b\",command=\"write\"} 1\n", page);
        Assert.Contains("byre_nbd_bytes_total{export=\"a\\\"b\",command=\"read\"} 4096\n", page);
        Assert.Contains("byre_nbd_request_duration_seconds_count{export=\"a\\\"b\",command=\"read\"} 1\n", page);
        Assert.Contains("byre_nbd_requests_in_flight{export=\"a\\\"b\"} 0\n", page);
        Assert.Contains("byre_image_l2_cache_misses_total{export=\"a\\\"b\",depth=\"0\"} ", page);
        Assert.Contains("byre_image_guest_flushes_total{export=\"a\\\"b\",depth=\"0\"} ", page);
        string[] families = [.. page.Split('\n').Where(line => line.StartsWith("# TYPE", StringComparison.Ordinal))];
        Assert.Equal(families.Distinct(), families);
    }

    [Fact]
    public async Task Meters_tell_the_same()
    {
        await using TestServer server = await TestServer.StartAsync();
        await using (BlockNode node = await Images.OpenAsync(server.Uri))
            await node.WriteAsync(0, new byte[] { 1 });
        using var meter = new ServerMeter(server.Server);
        using var listener = new System.Diagnostics.Metrics.MeterListener();
        var seen = new Dictionary<string, long>();
        listener.InstrumentPublished = (instrument, self) =>
        {
            if (instrument.Meter.Name == ServerMeter.MeterName)
                self.EnableMeasurementEvents(instrument);
        };
        listener.SetMeasurementEventCallback<long>((instrument, value, _, _) =>
        {
            lock (seen)
                seen[instrument.Name] = seen.GetValueOrDefault(instrument.Name) + value;
        });
        listener.Start();
        listener.RecordObservableInstruments();
        Assert.True(seen["nbd.server.requests"] >= 2);
        Assert.Contains("nbd.server.in_flight", seen.Keys);
    }
}
