using Byre.Block.Errors;
using Byre.Qcow2.Layout;

namespace Byre.Qcow2.Create;

/// <summary>
/// Decides where the structures of an empty image lie: the refcount table in cluster 1, its first block in cluster 2,
/// the L1 table after them, and whatever more refcount blocks (or a longer table) a large L1 table takes. It
/// allocates as the engine and the peer do, first fit, so that an image made by either has the same layout. Pure: no
/// I/O. Used by one thread.
/// </summary>
internal sealed class ImageLayout
{
    private const long InitialClusters = 3;
    private const long InitialTable = 1;
    private const long InitialBlock = 2;

    private readonly Geometry _geometry;
    private readonly SortedDictionary<long, long> _blocks = [];
    private bool[] _used = new bool[64];
    private long _firstFree = InitialClusters;

    public ImageLayout(Geometry geometry)
    {
        _geometry = geometry;
        SetUsed(0, InitialClusters, used: true);
        _blocks[0] = InitialBlock;
        TableCluster = InitialTable;
        TableClusterCount = 1;
    }

    /// <summary>First cluster of the refcount table.</summary>
    public long TableCluster { get; private set; }

    public long TableClusterCount { get; private set; }

    /// <summary>Refcount table index → cluster of the refcount block, in ascending order.</summary>
    public IReadOnlyDictionary<long, long> Blocks => _blocks;

    private long TableEntryCount => TableClusterCount * EntriesPerCluster;

    private int EntriesPerCluster => _geometry.ClusterSize / Geometry.TableEntryBytes;

    private int RefcountsPerBlock => _geometry.RefcountsPerBlock;

    /// <summary>Allocates a run of clusters, each with a reference count of one.</summary>
    /// <returns>Its first cluster.</returns>
    public long Allocate(long clusterCount)
    {
        while (true)
        {
            long first = FindFree(clusterCount);
            if (TryReference(first, clusterCount))
                return first;
        }
    }

    /// <summary>The refcount block at <paramref name="tableIndex"/>, as it lies in the file.</summary>
    public byte[] WriteBlock(long tableIndex)
    {
        byte[] block = new byte[_geometry.ClusterSize];
        long first = tableIndex * RefcountsPerBlock;
        for (int i = 0; i < RefcountsPerBlock; i++)
        {
            if (IsUsed(first + i))
                RefcountCodec.Set(block, i, _geometry.RefcountOrder, 1);
        }

        return block;
    }

    private long FindFree(long clusterCount)
    {
        long run = 0;
        while (run < clusterCount)
            run = IsUsed(_firstFree++) ? 0 : run + 1;
        return _firstFree - clusterCount;
    }

    /// <summary>
    /// Counts a run of free clusters, which the search has just passed. False where a refcount block had to be placed
    /// for it: nothing was counted, and the caller searches again, for the block (or a longer table) may lie inside
    /// the run.
    /// </summary>
    private bool TryReference(long first, long clusterCount)
    {
        long firstBlock = first / RefcountsPerBlock;
        long lastBlock = (first + clusterCount - 1) / RefcountsPerBlock;
        for (long index = firstBlock; index <= lastBlock; index++)
        {
            if (_blocks.ContainsKey(index))
                continue;

            PlaceBlock(index, Math.Max(first, index * RefcountsPerBlock));
            _firstFree = Math.Min(_firstFree, first);
            return false;
        }

        SetUsed(first, clusterCount, used: true);
        return true;
    }

    /// <summary>
    /// Places the block that is to count <paramref name="cluster"/>, and a longer table where it has no entry for it.
    /// </summary>
    private void PlaceBlock(long tableIndex, long cluster)
    {
        long block = FindFree(1);
        if (block / RefcountsPerBlock == tableIndex)
            SetUsed(block, 1, used: true);
        else if (!TryReference(block, 1))
            return;

        if (tableIndex < TableEntryCount)
        {
            _blocks[tableIndex] = block;
            return;
        }

        long blocksUsed = Geometry.DivideUp(Math.Max(cluster, block) + 1, RefcountsPerBlock);
        GrowTable(blocksUsed * RefcountsPerBlock, new KeyValuePair<long, long>(tableIndex, block));
    }

    /// <summary>
    /// Puts a new table, half as long again as needed, with the blocks that count it, where nothing has been counted
    /// yet; frees the old one.
    /// </summary>
    private void GrowTable(long startCluster, KeyValuePair<long, long> newBlock)
    {
        (long blockCount, _) = RefcountSizing.Count(startCluster, _geometry, generous: true);
        long tableClusters = Geometry.DivideUp(blockCount + Geometry.DivideUp(blockCount, 2), EntriesPerCluster);
        _blocks[newBlock.Key] = newBlock.Value;

        long next = startCluster;
        for (long index = startCluster / RefcountsPerBlock; index < blockCount; index++)
        {
            if (_blocks.TryAdd(index, next))
                next++;
        }

        long end = next + tableClusters;
        Invariant.That(Geometry.DivideUp(end, RefcountsPerBlock) <= blockCount);
        SetUsed(startCluster, end - startCluster, used: true);
        SetUsed(TableCluster, TableClusterCount, used: false);
        _firstFree = Math.Min(_firstFree, TableCluster);
        TableCluster = next;
        TableClusterCount = tableClusters;
    }

    private void SetUsed(long first, long count, bool used)
    {
        long end = first + count;
        if (end > _used.Length)
            Array.Resize(ref _used, checked((int)Math.Max(end, 2L * _used.Length)));
        _used.AsSpan((int)first, (int)count).Fill(used);
    }

    private bool IsUsed(long cluster) => cluster < _used.Length && _used[cluster];
}
