using System.Diagnostics.Metrics;
using Byre.Block.Graph;
using Byre.Qcow2.Create;
using Byre.Qcow2.Io;
using Byre.Qcow2.Metadata;
using Byre.Qcow2.Tests.Io;

namespace Byre.Qcow2.Tests.Metadata;

/// <summary>What a node counts, and who is told.</summary>
public sealed class StatisticsTests
{
    private const int ClusterBytes = 4096;

    [Fact]
    public void FlushesAreCountedByReason()
    {
        using EngineHarness harness = Open();
        Assert.Equal(0, Flushes(harness, FlushReason.Guest));
        EngineHarness.Run(harness.Node.WriteAsync(0, new byte[ClusterBytes]));
        long forStructure = Flushes(harness, FlushReason.Structure);
        EngineHarness.Run(harness.Node.FlushAsync());
        // Data and counts, then what points to them.
        Assert.Equal(2, Flushes(harness, FlushReason.Guest));
        EngineHarness.Run(harness.Node.WriteAsync(0, new byte[ClusterBytes]));
        EngineHarness.Run(harness.Node.FlushAsync());
        Assert.Equal(3, Flushes(harness, FlushReason.Guest));
        Assert.Equal(forStructure, Flushes(harness, FlushReason.Structure));
        Assert.Equal(2, Figure(harness.Node, "guest_flushes"));
        Assert.Equal(3, Figure(harness.Node, "device_flushes_guest"));

        // Two slices of 64 entries: the third table's worth of changes does not fit.
        for (int i = 0; i < 4; i++)
            EngineHarness.Run(harness.Node.WriteAsync(i * 64L * ClusterBytes, new byte[ClusterBytes]));
        Assert.NotEqual(0, Flushes(harness, FlushReason.CacheRoom));
        harness.Close();
        Assert.NotEqual(0, Flushes(harness, FlushReason.Close));
    }

    [Fact]
    public void TheDeviceIsFlushedOnceForAGuestThatAllocatedNothing()
    {
        using EngineHarness harness = Open();
        for (int i = 0; i < 8; i++)
            EngineHarness.Run(harness.Node.WriteAsync(i * ClusterBytes, new byte[ClusterBytes]));
        int before = harness.File.FlushCount;
        EngineHarness.Run(harness.Node.FlushAsync());
        Assert.Equal(before + 2, harness.File.FlushCount);
        EngineHarness.Run(harness.Node.WriteAsync(0, new byte[ClusterBytes]));
        EngineHarness.Run(harness.Node.FlushAsync());
        Assert.Equal(before + 3, harness.File.FlushCount);
        harness.Close();
    }

    [Fact]
    public void FreedClustersAreSeenUntilTheyAreFree()
    {
        using EngineHarness harness = Open();
        EngineHarness.Run(harness.Node.WriteAsync(0, new byte[4 * ClusterBytes]));
        EngineHarness.Run(harness.Node.FlushAsync());
        EngineHarness.Run(harness.Node.DiscardAsync(new Block.Requests.ByteRange(0, 4 * ClusterBytes)));
        Assert.Equal(4, Figure(harness.Node, "quarantine_clusters"));
        EngineHarness.Run(harness.Node.FlushAsync());
        Assert.Equal(0, Figure(harness.Node, "quarantine_clusters"));
        harness.Close();
    }

    [Fact]
    public void MetersTellTheSame()
    {
        using EngineHarness harness = Open();
        EngineHarness.Run(harness.Node.WriteAsync(0, new byte[ClusterBytes]));
        using var meter = new NodeMeter();
        var seen = new Dictionary<string, long>();
        using (meter.Watch("disk", harness.Node))
            Collect(seen);
        foreach (NodeFigure figure in harness.Node.Figures)
            Assert.Equal(figure.Value, seen["byre.image." + figure.Name]);

        seen.Clear();
        Collect(seen);
        Assert.Empty(seen);
        harness.Close();

        void Collect(Dictionary<string, long> into)
        {
            using var listener = new MeterListener();
            listener.InstrumentPublished = static (instrument, self) =>
            {
                if (instrument.Meter.Name == NodeMeter.MeterName)
                    self.EnableMeasurementEvents(instrument);
            };
            listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) =>
            {
                Assert.Equal("disk", tags[0].Value);
                Assert.Equal(0, tags[1].Value);
                into.Add(instrument.Name, value);
            });
            listener.Start();
            listener.RecordObservableInstruments();
        }
    }

    private static EngineHarness Open()
    {
        var options = new Qcow2CreateOptions { SizeBytes = 4 << 20, ClusterSizeBytes = ClusterBytes };
        var harness = new EngineHarness(options);
        harness.Create();
        harness.Open();
        return harness;
    }

    private static long Flushes(EngineHarness harness, FlushReason reason) =>
        harness.Node.FlushOrder.DeviceFlushes(reason);

    private static long Figure(Qcow2Node node, string name) =>
        node.Figures.Single(figure => figure.Name == name).Value;
}
