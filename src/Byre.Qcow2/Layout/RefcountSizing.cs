namespace Byre.Qcow2.Layout;

/// <summary>How large refcount structures are that count everything and themselves. Stateless.</summary>
internal static class RefcountSizing
{
    /// <summary>
    /// How many refcount blocks (and, with them, table clusters) it takes to count <paramref name="clusters"/>
    /// clusters and the refcount structures themselves: the fixed point of both.
    /// </summary>
    /// <param name="clusters">Clusters of everything else.</param>
    /// <param name="geometry">The image's arithmetic.</param>
    /// <param name="generous">Leave room for a table half as long again.</param>
    public static (long Blocks, long TableClusters) Count(long clusters, Geometry geometry, bool generous)
    {
        long entriesPerCluster = geometry.ClusterSize / Geometry.TableEntryBytes;
        long blocks = 0;
        long table = 0;
        long total = 0;
        while (true)
        {
            long last = total;
            blocks = Geometry.DivideUp(clusters + table + blocks, geometry.RefcountsPerBlock);
            table = Geometry.DivideUp(blocks, entriesPerCluster);
            total = clusters + blocks + table;
            if (total != last)
                continue;
            if (!generous)
                return (blocks, table);
            clusters += Geometry.DivideUp(table, 2);
            generous = false;
        }
    }
}
