using Byre.Block.Errors;
using Byre.Qcow2.Layout;

namespace Byre.Qcow2.Metadata;

/// <summary>
/// Where a larger refcount table and the blocks that count it go, computed as the peer does: enough blocks for the area
/// itself and half as much again of room in the table.
/// </summary>
/// <param name="Start">First cluster of the area: the new blocks.</param>
/// <param name="TableStart">First cluster of the new table.</param>
/// <param name="TableClusters">Clusters of the new table.</param>
/// <param name="BlockCount">Blocks in all, old ones included.</param>
internal readonly record struct RefcountArea(
    HostCluster Start, HostCluster TableStart, int TableClusters, long BlockCount)
{
    private int EntriesPerCluster { get; init; }

    /// <summary>Entries of the new table.</summary>
    public int TableEntries => TableClusters * EntriesPerCluster;

    /// <summary>
    /// Plans the area that begins at cluster <paramref name="start"/>, the first that no block counts.
    /// </summary>
    /// <exception cref="BlockException">EFBIG: the table would exceed its limit.</exception>
    public static RefcountArea Plan(Geometry geometry, long start)
    {
        int perCluster = geometry.ClusterSize / Geometry.TableEntryBytes;
        (long blocks, _) = RefcountSizing.Count(start, geometry, generous: true);
        long entries = blocks + ((blocks + 1) / 2);
        long clusters = (entries + perCluster - 1) / perCluster;
        if (clusters << geometry.ClusterBits > FormatLimits.MaxRefcountTableBytes)
            throw BlockException.FromErrno(Errno.FileTooLarge);
        long newBlocks = blocks - (start / geometry.RefcountsPerBlock);
        return new RefcountArea(
            new HostCluster(start), new HostCluster(start + newBlocks), (int)clusters, blocks)
        {
            EntriesPerCluster = perCluster,
        };
    }
}
