using Byre.Block.Errors;

namespace Byre.Qcow2.Layout;

/// <summary>
/// The arithmetic of one image: how guest offsets split into L1 index, L2 index and offset in the cluster, and how many
/// entries fit where. Source: qcow2 specification, "Host cluster management" and "Cluster mapping". Immutable.
/// <code>
/// guest offset   | L1 index | L2 index  | subcluster | offset in subcluster |
///                           | l2 bits   |      cluster bits                 |
/// </code>
/// </summary>
public sealed class Geometry
{
    /// <summary>Subclusters of one cluster with extended L2 entries.</summary>
    public const int ExtendedSubclusterCount = 32;

    /// <summary>Bytes of a refcount table entry and of an L1 entry.</summary>
    public const int TableEntryBytes = 8;

    public Geometry(int clusterBits, int refcountOrder, bool extendedL2)
    {
        Invariant.That(clusterBits is >= 9 and <= 21);
        Invariant.That(refcountOrder is >= 0 and <= 6);
        ClusterBits = clusterBits;
        RefcountOrder = refcountOrder;
        HasSubclusters = extendedL2;
        SubclusterBits = extendedL2 ? clusterBits - 5 : clusterBits;
        L2EntryBits = extendedL2 ? 4 : 3;
        L2Bits = clusterBits - L2EntryBits;
        RefcountBlockBits = clusterBits + 3 - refcountOrder;
    }

    public int ClusterBits { get; }

    /// <summary>Cluster size in bytes.</summary>
    public int ClusterSize => 1 << ClusterBits;

    /// <summary>True with extended L2 entries.</summary>
    public bool HasSubclusters { get; }

    public int SubclusterBits { get; }

    /// <summary>Subcluster size in bytes; the cluster size without extended L2 entries.</summary>
    public int SubclusterSize => 1 << SubclusterBits;

    /// <summary>Subclusters per cluster: 32, or 1 without extended L2 entries.</summary>
    public int SubclusterCount => HasSubclusters ? ExtendedSubclusterCount : 1;

    /// <summary>Log2 of the bytes of an L2 entry: 3, or 4 with extended entries.</summary>
    public int L2EntryBits { get; }

    /// <summary>Bytes of an L2 entry: 8 or 16.</summary>
    public int L2EntryBytes => 1 << L2EntryBits;

    /// <summary>Log2 of the entries of an L2 table.</summary>
    public int L2Bits { get; }

    /// <summary>Entries of an L2 table.</summary>
    public int L2EntryCount => 1 << L2Bits;

    /// <summary>Log2 of the guest bytes that one L1 entry maps.</summary>
    public int L1Shift => L2Bits + ClusterBits;

    public int RefcountOrder { get; }

    /// <summary>Width of a reference count in bits: 1 to 64.</summary>
    public int RefcountBits => 1 << RefcountOrder;

    /// <summary>The largest reference count: 64-bit counts stop at 2^63 - 1, as the peer's do.</summary>
    public ulong RefcountMax => RefcountOrder == 6 ? long.MaxValue : (1UL << RefcountBits) - 1;

    /// <summary>Log2 of the reference counts in a refcount block.</summary>
    public int RefcountBlockBits { get; }

    /// <summary>Reference counts in a refcount block.</summary>
    public int RefcountsPerBlock => 1 << RefcountBlockBits;

    /// <summary>Bits of the host offset in a compressed cluster descriptor.</summary>
    public int CompressedOffsetBits => 62 - (ClusterBits - 8);

    public long ClusterOf(long offset) => offset >> ClusterBits;

    public HostCluster ClusterOf(HostOffset offset) => new(offset.Value >> ClusterBits);

    public HostOffset OffsetOf(HostCluster cluster) => new(cluster.Index << ClusterBits);

    public int OffsetInCluster(long offset) => (int)(offset & (ClusterSize - 1));

    public int OffsetInSubcluster(long offset) => (int)(offset & (SubclusterSize - 1));

    public long StartOfCluster(long offset) => offset & ~(long)(ClusterSize - 1);

    public bool IsClusterAligned(long offset) => (offset & (ClusterSize - 1)) == 0;

    /// <summary>Clusters that <paramref name="bytes"/> bytes need.</summary>
    public long ClustersFor(long bytes) => (bytes + ClusterSize - 1) >> ClusterBits;

    /// <summary>The quotient, rounded up. Neither may be negative, nor their sum too large.</summary>
    internal static long DivideUp(long value, long divisor) => (value + divisor - 1) / divisor;

    /// <summary>Index in the L1 table of the entry that maps <paramref name="guest"/>.</summary>
    public long L1Index(GuestOffset guest) => guest.Value >> L1Shift;

    /// <summary>Index in its L2 table of the entry that maps <paramref name="guest"/>.</summary>
    public int L2Index(GuestOffset guest) => (int)(guest.Value >> ClusterBits) & (L2EntryCount - 1);

    /// <summary>Index of the subcluster in its cluster; 0 without extended L2 entries.</summary>
    public int SubclusterIndex(long offset) => (int)(offset >> SubclusterBits) & (SubclusterCount - 1);

    /// <summary>True where an L1 table of the largest size that is allowed maps such a disk.</summary>
    public bool CanMap(long virtualSizeBytes) =>
        L1EntriesFor(virtualSizeBytes) <= FormatLimits.MaxL1Bytes / TableEntryBytes;

    /// <summary>Bytes of the L2 entries of a disk, in whole clusters: a table is one.</summary>
    public long L2BytesFor(long virtualSizeBytes)
    {
        long clusters = (virtualSizeBytes >> ClusterBits) + ((virtualSizeBytes & (ClusterSize - 1)) != 0 ? 1 : 0);
        return ClustersFor(clusters << L2EntryBits) << ClusterBits;
    }

    /// <summary>L1 entries that a disk of <paramref name="virtualSizeBytes"/> needs.</summary>
    public long L1EntriesFor(long virtualSizeBytes) =>
        (virtualSizeBytes >> L1Shift) + ((virtualSizeBytes & ((1L << L1Shift) - 1)) != 0 ? 1 : 0);
}
