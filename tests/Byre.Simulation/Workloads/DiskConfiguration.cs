using Byre.Qcow2.Create;
using Byre.Qcow2.Layout;
using Byre.Qcow2.Metadata;

namespace Byre.Simulation.Workloads;

/// <summary>The geometry and the features of a simulated image. Immutable.</summary>
public sealed record DiskConfiguration
{
    /// <summary>For reports, and to repeat a finding.</summary>
    public required string Name { get; init; }

    public int Version { get; init; } = 3;

    public int ClusterBytes { get; init; } = 512;

    public int RefcountBits { get; init; } = 16;

    public bool ExtendedL2 { get; init; }

    public bool LazyRefcounts { get; init; }

    public bool HasDataFile { get; init; }

    /// <summary>Sectors of the backing file; 0 without.</summary>
    public int BackingSectors { get; init; }

    /// <summary>The disk's size in clusters.</summary>
    public int Clusters { get; init; } = 130;

    /// <summary>Clusters are written at first until the file has so many, so that tables are nearly full.</summary>
    public int FilledFileClusters { get; init; }

    /// <summary>The image has a snapshot at first.</summary>
    public bool HasSnapshot { get; init; }

    /// <summary>Discards go through to the file.</summary>
    public bool PassesDiscards { get; init; }

    /// <summary>Discarded clusters keep their place in the file.</summary>
    public bool DiscardsInPlace { get; init; }

    public int L2Slices { get; init; } = 2;

    /// <summary>What writes to the devices are aligned to, as with O_DIRECT.</summary>
    public int AlignmentBytes { get; init; } = 1;

    /// <summary>Clusters of compressed data gathered in memory; 0: each is written when it comes.</summary>
    public int CompressedCacheClusters { get; init; } = 64;

    /// <summary>Clusters that small writes are gathered in; 0: none.</summary>
    public int DataCacheClusters { get; init; }

    /// <summary>False where a reference count cannot say "two", or where data is elsewhere.</summary>
    public bool CanSnapshot => RefcountBits > 1 && !HasDataFile;

    /// <summary>False where requests wait for each other in the block layer, which knows no scheduler.</summary>
    public bool CanRace => AlignmentBytes == 1;

    public int SectorsPerCluster => ClusterBytes / Devices.SimulatedDevice.SectorBytes;

    /// <summary>Sectors that can be discarded by themselves.</summary>
    public int SectorsPerSubcluster => ExtendedL2 ? SectorsPerCluster / 32 : SectorsPerCluster;

    public long SizeBytes => (long)Clusters * ClusterBytes;

    internal Qcow2CreateOptions CreateOptions => new()
    {
        SizeBytes = SizeBytes,
        Version = Version,
        ClusterSizeBytes = ClusterBytes,
        RefcountBits = RefcountBits,
        ExtendedL2 = ExtendedL2,
        LazyRefcounts = LazyRefcounts,
        DataFileName = HasDataFile ? "data" : null,
    };

    internal MetadataOptions MetadataOptions => new()
    {
        L2SliceBytes = 512,
        L2Slices = L2Slices,
        RefcountSliceBytes = 512,
        RefcountSlices = 4,
        CompressedCacheClusters = CompressedCacheClusters,
        DataCacheClusters = DataCacheClusters,
        LazyRefcounts = LazyRefcounts,
        PassDiscardRequest = PassesDiscards,
        PassDiscardSnapshot = PassesDiscards,
        PassDiscardOther = PassesDiscards,
        DiscardNoUnref = DiscardsInPlace,
    };

    public override string ToString() => Name;
}
