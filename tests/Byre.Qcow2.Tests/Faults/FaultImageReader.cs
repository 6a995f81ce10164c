using Byre.Block.Errors;
using Byre.Block.Graph;
using Byre.Block.Requests;
using Byre.Qcow2.Io;
using Byre.Qcow2.Layout;
using Byre.Qcow2.Metadata;
using Byre.Qcow2.Tests.Io;

namespace Byre.Qcow2.Tests.Faults;

/// <summary>Reads images that may be damaged, without changing them. Stateless.</summary>
internal static class FaultImageReader
{
    /// <summary>
    /// Each cluster of the disk, then of each snapshot, as far as it can be read; null where it cannot.
    /// </summary>
    public static List<byte[]?> ReadAll(FaultGeometry geometry, byte[] disk)
    {
        Qcow2Node node = Open(geometry, disk);
        List<byte[]?> clusters = ReadDisk(node, geometry.ClusterBytes);
        IReadOnlyList<SnapshotInfo> snapshots = EngineHarness.Run(node.GetImageInfoAsync()).Snapshots;
        foreach (SnapshotInfo snapshot in snapshots)
        {
            node = Open(geometry, disk);
            EngineHarness.Run(node.LoadSnapshotAsync(snapshot.Id, snapshot.Name));
            clusters.AddRange(ReadDisk(node, geometry.ClusterBytes));
        }

        return clusters;
    }

    /// <summary>The first cluster that could be read and holds something else now; null for none.</summary>
    public static string? FindLoss(List<byte[]?> before, List<byte[]?> after)
    {
        if (before.Count != after.Count)
            return $"{after.Count} clusters, not {before.Count}";
        for (int i = 0; i < before.Count; i++)
        {
            if (before[i] is { } expected && !(after[i] is { } actual && actual.AsSpan().SequenceEqual(expected)))
                return $"cluster {i} {(after[i] is null ? "cannot be read" : "has changed")}";
        }

        return null;
    }

    private static List<byte[]?> ReadDisk(Qcow2Node node, int clusterBytes)
    {
        var clusters = new List<byte[]?>();
        for (long offset = 0; offset < node.LengthBytes; offset += clusterBytes)
        {
            byte[]? content = new byte[Math.Min(clusterBytes, node.LengthBytes - offset)];
            try
            {
                EngineHarness.Run(node.ReadAsync(offset, content));
            }
            catch (BlockException)
            {
                content = null;
            }

            clusters.Add(content);
        }

        return clusters;
    }

    private static Qcow2Node Open(FaultGeometry geometry, byte[] disk)
    {
        var context = new Qcow2OpenContext
        {
            Driver = new StubDriver(),
            File = FaultDevice.Holding(disk, new FaultClock(new Fault(), 0)),
            Header = HeaderCodec.Parse(disk, HeaderParsing.ForCheck),
            Flags = OpenFlags.None,
            Options = new MetadataOptions
            {
                L2SliceBytes = 512,
                L2Slices = 4,
                RefcountSliceBytes = 512,
                RefcountSlices = 4,
            },
        };
        Qcow2Node node = EngineHarness.Run(Qcow2Node.OpenAsync(context, CancellationToken.None));
        node.ReplaceBacking(geometry.OpenBacking());
        return node;
    }
}
