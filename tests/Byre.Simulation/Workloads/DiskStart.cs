using Byre.Qcow2.Create;
using Byre.Simulation.Devices;

namespace Byre.Simulation.Workloads;

/// <summary>
/// An image to begin with, made once for each configuration, and closed: some clusters of each kind, and what a guest
/// sees in it. Immutable.
/// <code>
/// cluster   0   1   2            3      4   5   6 ...
///           data    compressed   zero   data    unallocated, or data until the file is long enough
/// </code>
/// </summary>
public sealed class DiskStart
{
    /// <summary>The cluster that is compressed.</summary>
    public const int CompressedCluster = 2;

    private DiskStart(DiskConfiguration configuration, byte[][] devices, byte[] backing, ulong[] tags)
    {
        (Configuration, Devices, Backing, Tags) = (configuration, devices, backing, tags);
    }

    public DiskConfiguration Configuration { get; }

    /// <summary>The image file, and the data file where there is one.</summary>
    public IReadOnlyList<byte[]> Devices { get; }

    /// <summary>The backing file; empty without.</summary>
    public byte[] Backing { get; }

    /// <summary>What the guest sees.</summary>
    public ulong[] Tags { get; }

    /// <summary>The snapshots of the start and what they hold.</summary>
    public Dictionary<string, ulong[]> Snapshots { get; } = [];

    /// <summary>Makes the start image of a configuration.</summary>
    public static DiskStart Make(DiskConfiguration configuration)
    {
        var file = new SimulatedDevice([]);
        Synchronous.Run(ImageCreator.WriteEmptyAsync(file, configuration.CreateOptions, CancellationToken.None));
        ulong[] backing = new ulong[configuration.BackingSectors];
        for (int i = 0; i < backing.Length; i++)
            backing[i] = SectorTag.OfBacking(i);
        int sectors = (int)(configuration.SizeBytes / SimulatedDevice.SectorBytes);
        ulong[] tags = new ulong[sectors];
        backing.AsSpan(0, Math.Min(sectors, backing.Length)).CopyTo(tags);
        byte[][] devices = configuration.HasDataFile ? [file.Content.ToArray(), new byte[configuration.SizeBytes]]
            : [file.Content.ToArray()];
        var empty = new DiskStart(configuration, devices, SectorTag.ToBytes(backing), tags);
        return Fill(empty);
    }

    private static DiskStart Fill(DiskStart empty)
    {
        DiskConfiguration configuration = empty.Configuration;
        var session = DiskSession.Open(empty, SessionSettings.Plain);
        int cluster = configuration.SectorsPerCluster;
        Synchronous.Run(session.WriteAsync(0, 2 * cluster, compressed: false));
        if (!configuration.HasDataFile)
            Synchronous.Run(session.WriteAsync(CompressedCluster * cluster, cluster, compressed: true));
        if (configuration.Version >= 3)
            Synchronous.Run(session.ZeroAsync(3 * cluster, cluster, mayUnmap: true));
        Synchronous.Run(session.WriteAsync(4 * cluster, 2 * cluster, compressed: false));
        int next = 6;
        while (session.FileBytes < (long)configuration.FilledFileClusters * configuration.ClusterBytes)
            Synchronous.Run(session.WriteAsync(next++ * cluster, cluster, compressed: false));
        var snapshots = new Dictionary<string, ulong[]>();
        if (configuration.HasSnapshot)
        {
            Synchronous.Run(session.CreateSnapshotAsync("base"));
            snapshots["base"] = session.ReadTags();
            Synchronous.Run(session.WriteAsync(cluster, cluster, compressed: false));
        }

        ulong[] tags = session.ReadTags();
        Synchronous.Run(session.CloseAsync());
        var start = new DiskStart(configuration, session.DeviceContents(), empty.Backing, tags);
        foreach ((string name, ulong[] content) in snapshots)
            start.Snapshots[name] = content;
        return start;
    }
}
