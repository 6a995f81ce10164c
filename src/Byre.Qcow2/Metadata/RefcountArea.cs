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
        long blocks = CountBlocks(geometry, start, generous: true);
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

    /// <summary>
    /// Refcount blocks needed for <paramref name="clusters"/> clusters, the blocks and their table themselves.
    /// </summary>
    public static long CountBlocks(Geometry geometry, long clusters, bool generous)
    {
        int perCluster = geometry.ClusterSize / Geometry.TableEntryBytes;
        long table = 0;
        long blocks = 0;
        long last;
        long needed = 0;
        do
        {
            last = needed;
            blocks = (clusters + table + blocks + geometry.RefcountsPerBlock - 1) / geometry.RefcountsPerBlock;
            table = (blocks + perCluster - 1) / perCluster;
            needed = clusters + blocks + table;
            if (needed == last && generous)
            {
                // Room for growth: half a table more, then until it settles again.
                clusters += (table + 1) / 2;
                needed = 0;
                generous = false;
            }
        }
        while (needed != last);
        return blocks;
    }
}
