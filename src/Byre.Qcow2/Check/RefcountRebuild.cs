using System.Buffers.Binary;
using Byre.Block.Errors;
using Byre.Qcow2.Layout;

namespace Byre.Qcow2.Check;

/// <summary>
/// Makes a new refcount structure out of the census alone: a block for each stretch of the file with a used cluster,
/// and a table for the blocks, all in clusters that nothing refers to, so that the old structure stays intact until
/// the header is switched over. Nothing is written before every place is known; then blocks and table, a barrier, the
/// header, a barrier. The old structure is left as a leak. Belongs to one thread.
/// </summary>
internal sealed class RefcountRebuild(
    CheckContext context, RefcountCensus census, IReadOnlySet<long> rejected, RepairGuard guard)
{
    private readonly List<long> _blockClusters = [];
    private readonly Geometry _geometry = context.Geometry;

    private int EntriesPerCluster => context.ClusterSize / Geometry.TableEntryBytes;

    /// <summary>Rebuilds; the census counts the new structure's clusters afterwards.</summary>
    /// <exception cref="BlockException">No room, or the file cannot be written; the old structure is still in
    /// force.</exception>
    public async ValueTask RunAsync()
    {
        RefcountTableLocation table = AllocateAll();
        await WriteBlocksAsync().ConfigureAwait(false);
        await WriteTableAsync(table).ConfigureAwait(false);
        try
        {
            await HeaderPatch.SetRefcountTableAsync(context, table).ConfigureAwait(false);
        }
        catch (BlockException error)
        {
            throw Explain("setting reftable", error);
        }
    }

    /// <summary>
    /// Finds a place for every block and for the table. A table is itself in clusters that need blocks, which may
    /// need a longer table: the shorter one is then left as a leak and another is allocated, until it fits.
    /// </summary>
    private RefcountTableLocation AllocateAll()
    {
        AllocateBlocks(0, census.ClusterCount);
        while (true)
        {
            int entries = _blockClusters.Count;
            int clusters = (int)_geometry.ClustersFor((long)entries * Geometry.TableEntryBytes);
            if ((long)clusters * context.ClusterSize > FormatLimits.MaxRefcountTableBytes)
                throw Explain("allocating reftable", BlockException.FromErrno(Errno.FileTooLarge));
            long first = Allocate(clusters, from: 0, out _);
            AllocateBlocks(first, first + clusters);
            if (_blockClusters.Count == entries)
                return new RefcountTableLocation(_geometry.OffsetOf(new HostCluster(first)), clusters);
        }
    }

    /// <summary>
    /// Gives a block to every used cluster between <paramref name="from"/> and <paramref name="end"/> that has none.
    /// </summary>
    private void AllocateBlocks(long from, long end)
    {
        int bits = _geometry.RefcountBlockBits;
        long firstFree = 0;
        long cluster = census.NextUsed(from);
        while (cluster < end)
        {
            int blockIndex = (int)(cluster >> bits);
            while (_blockClusters.Count <= blockIndex)
                _blockClusters.AddRange(Enumerable.Repeat(0L, EntriesPerCluster));
            if (_blockClusters[blockIndex] == 0)
            {
                // Blocks before this one are complete: none of their clusters is used any more.
                firstFree = Math.Max(firstFree, (long)blockIndex << bits);
                long place = Allocate(1, firstFree, out firstFree);
                _blockClusters[blockIndex] = place;
                end = Math.Max(end, place + 1);
            }

            cluster = census.NextUsed((blockIndex + 1L) << bits);
        }
    }

    /// <summary>
    /// Takes the first run of <paramref name="count"/> unused clusters from <paramref name="from"/> on, at the end of
    /// the file where there is none. <paramref name="firstGap"/> is the first unused cluster seen.
    /// </summary>
    private long Allocate(int count, long from, out long firstGap)
    {
        firstGap = -1;
        long start = NextFree(from);
        while (start < census.ClusterCount)
        {
            if (firstGap < 0)
                firstGap = start;
            long end = EndOfFree(start, count);
            if (end - start >= count || end == census.ClusterCount)
                break;
            start = NextFree(end);
        }

        start = Math.Max(start, from);
        for (long cluster = start; cluster < start + count; cluster++)
        {
            // Beyond the end of the file, too, something may be referred to.
            if (IsForbidden(cluster))
                start = cluster + 1;
        }

        if (start + count > int.MaxValue)
            throw Explain("allocating refblock", BlockException.FromErrno(Errno.FileTooLarge));
        census.GrowTo(start + count);
        for (int i = 0; i < count; i++)
            census[start + i] = 1;
        if (firstGap < 0)
            firstGap = start;
        return start;
    }

    /// <summary>
    /// The first unused cluster from <paramref name="from"/> on. What the old table calls a block stays untouched even
    /// where the entry was rejected, and so does what a rejected reference leads to: a guest's write through a dangling
    /// entry must not hit the new structure.
    /// </summary>
    private long NextFree(long from)
    {
        long cluster = census.NextFree(from);
        while (cluster < census.ClusterCount && IsForbidden(cluster))
            cluster = census.NextFree(cluster + 1);
        return cluster;
    }

    private bool IsForbidden(long cluster) =>
        rejected.Contains(cluster) || guard.IsRefcountBlock(new HostCluster(cluster));

    /// <summary>The end of the free run that begins at <paramref name="start"/>, looked for up to its count.</summary>
    private long EndOfFree(long start, int count)
    {
        long end = Math.Min(census.NextUsed(start), start + count);
        for (long cluster = start; cluster < end; cluster++)
        {
            if (IsForbidden(cluster))
                return cluster;
        }

        return end;
    }

    private async ValueTask WriteBlocksAsync()
    {
        byte[] block = new byte[context.ClusterSize];
        for (int i = 0; i < _blockClusters.Count; i++)
        {
            if (_blockClusters[i] == 0)
                continue;
            FillBlock(block, (long)i << _geometry.RefcountBlockBits);
            var place = new TableExtent(_geometry.OffsetOf(new HostCluster(_blockClusters[i])), block.Length);
            await WriteAsync("writing refblock", place, block).ConfigureAwait(false);
        }
    }

    private void FillBlock(byte[] block, long firstCluster)
    {
        block.AsSpan().Clear();
        long end = Math.Min(firstCluster + _geometry.RefcountsPerBlock, census.ClusterCount);
        for (long cluster = census.NextUsed(firstCluster); cluster < end; cluster = census.NextUsed(cluster + 1))
            RefcountCodec.Set(block, (int)(cluster - firstCluster), _geometry.RefcountOrder, census[cluster]);
    }

    private ValueTask WriteTableAsync(RefcountTableLocation location)
    {
        byte[] table = new byte[(long)location.ClusterCount * context.ClusterSize];
        for (int i = 0; i < _blockClusters.Count; i++)
        {
            long offset = _geometry.OffsetOf(new HostCluster(_blockClusters[i])).Value;
            BinaryPrimitives.WriteInt64BigEndian(table.AsSpan(i * Geometry.TableEntryBytes), offset);
        }

        return WriteAsync("writing reftable", new TableExtent(location.Offset, table.Length), table);
    }

    private async ValueTask WriteAsync(string doing, TableExtent place, byte[] bytes)
    {
        try
        {
            await guard.CheckAsync(place, OverlapKinds.None).ConfigureAwait(false);
            await context.WriteAsync(place.Offset, bytes).ConfigureAwait(false);
        }
        catch (BlockException error)
        {
            throw Explain(doing, error);
        }
    }

    private BlockException Explain(string doing, BlockException error)
    {
        context.Tally.CheckErrors++;
        context.SayAsProgram(CheckFindingId.RebuildFailed, $"ERROR {doing}: {Errno.Describe(error.Errno)}");
        return error;
    }
}
