using System.Buffers.Binary;
using Byre.Block.Errors;
using Byre.Qcow2.Layout;

namespace Byre.Qcow2.Check;

/// <summary>
/// The refcount table as the file has it, and access to the blocks it names. Memory follows what the file holds of
/// the table. Belongs to one thread.
/// </summary>
internal sealed class RefcountStructure
{
    public const ulong OffsetMask = 0xffff_ffff_ffff_fe00;
    public const ulong ReservedMask = 0x1ff;

    private readonly CheckContext _context;
    private readonly RepairGuard _guard;
    private readonly byte[] _table;
    private readonly HashSet<long> _unreadable = [];
    private byte[]? _lookupBlock;
    private long _lookupIndex = -1;
    private bool _hasComplained;

    private RefcountStructure(CheckContext context, RepairGuard guard, byte[] table)
    {
        _guard = guard;
        _context = context;
        _table = table;
    }

    /// <summary>Bytes the header claims for the table.</summary>
    public static long ClaimedBytes(CheckContext context) =>
        (long)context.RefcountTable.ClusterCount << context.Geometry.ClusterBits;

    /// <summary>Entries that the file holds; those beyond are zero.</summary>
    public int EntryCount => _table.Length / Geometry.TableEntryBytes;

    /// <summary>The failure of the last block that was <see cref="RefcountBlockStatus.Unreadable"/>.</summary>
    public BlockException? LastError { get; private set; }

    /// <summary>Reads the table.</summary>
    /// <exception cref="BlockException">The file cannot be read.</exception>
    public static async ValueTask<RefcountStructure> LoadAsync(CheckContext context, RepairGuard guard)
    {
        HostOffset offset = context.RefcountTable.Offset;
        byte[] table = await context.ReadTableAsync(offset, ClaimedBytes(context)).ConfigureAwait(false);
        return new RefcountStructure(context, guard, table);
    }

    /// <summary>The table entry of a block, as it lies in the file; 0 beyond the table.</summary>
    public ulong EntryAt(long blockIndex) =>
        blockIndex < EntryCount
            ? BinaryPrimitives.ReadUInt64BigEndian(_table.AsSpan((int)blockIndex * Geometry.TableEntryBytes))
            : 0;

    /// <summary>True where a comparison found that the block which counts this cluster cannot be read.</summary>
    public bool IsUnreadable(HostCluster cluster) =>
        _unreadable.Count > 0 && _unreadable.Contains(cluster.Index >> _context.Geometry.RefcountBlockBits);

    /// <summary>Reads a whole block.</summary>
    public async ValueTask<RefcountBlockStatus> ReadBlockAsync(long blockIndex, Memory<byte> block)
    {
        ulong offset = EntryAt(blockIndex) & OffsetMask;
        if (offset == 0)
            return RefcountBlockStatus.Absent;
        try
        {
            if (!_context.Geometry.IsClusterAligned((long)offset))
            {
                await ComplainOfUnalignedAsync(offset, blockIndex).ConfigureAwait(false);
                throw BlockException.FromErrno(Errno.InputOutput);
            }

            await _context.ReadAsync(new HostOffset((long)offset), block).ConfigureAwait(false);
            return RefcountBlockStatus.Present;
        }
        catch (BlockException error)
        {
            LastError = error;
            _unreadable.Add(blockIndex);
            return RefcountBlockStatus.Unreadable;
        }
    }

    /// <summary>Writes a whole block back to its place.</summary>
    /// <exception cref="BlockException">It cannot be written, or other metadata claims its place.</exception>
    public async ValueTask WriteBlockAsync(long blockIndex, Memory<byte> block)
    {
        _lookupIndex = -1;
        var place = new HostOffset((long)(EntryAt(blockIndex) & OffsetMask));
        var extent = new TableExtent(place, block.Length);
        await _guard.CheckAsync(extent, OverlapKinds.RefcountBlock).ConfigureAwait(false);
        await _context.WriteAsync(place, block).ConfigureAwait(false);
    }

    /// <summary>
    /// The count of any cluster, wherever it is; null where it cannot be read. Slow: for the odd one out.
    /// </summary>
    public async ValueTask<ulong?> GetAsync(HostCluster cluster)
    {
        long blockIndex = cluster.Index >> _context.Geometry.RefcountBlockBits;
        _lookupBlock ??= new byte[_context.ClusterSize];
        if (blockIndex != _lookupIndex)
        {
            _lookupIndex = -1;
            RefcountBlockStatus status = await ReadBlockAsync(blockIndex, _lookupBlock).ConfigureAwait(false);
            if (status == RefcountBlockStatus.Absent)
                return 0;
            if (status == RefcountBlockStatus.Unreadable)
                return null;
            _lookupIndex = blockIndex;
        }

        int index = (int)(cluster.Index & (_context.Geometry.RefcountsPerBlock - 1));
        return RefcountCodec.Get(_lookupBlock, index, _context.Geometry.RefcountOrder);
    }

    /// <summary>True where the table names a block for the cluster's count.</summary>
    public bool HasBlockFor(HostCluster cluster) =>
        (EntryAt(cluster.Index >> _context.Geometry.RefcountBlockBits) & OffsetMask) != 0;

    /// <summary>
    /// Changes the counts of clusters that have blocks, by <paramref name="delta"/>; counts stop at zero. Written,
    /// not stable.
    /// </summary>
    /// <exception cref="BlockException">A block cannot be read or written.</exception>
    public async ValueTask AdjustAsync(ClusterRun clusters, int delta)
    {
        Geometry geometry = _context.Geometry;
        byte[] block = new byte[_context.ClusterSize];
        long end = clusters.First.Index + clusters.Count;
        for (long cluster = clusters.First.Index; cluster < end;)
        {
            long blockIndex = cluster >> geometry.RefcountBlockBits;
            RefcountBlockStatus status = await ReadBlockAsync(blockIndex, block).ConfigureAwait(false);
            if (status != RefcountBlockStatus.Present)
                throw LastError ?? BlockException.FromErrno(Errno.NoSpace);
            long blockEnd = Math.Min(end, (blockIndex + 1) << geometry.RefcountBlockBits);
            for (; cluster < blockEnd; cluster++)
            {
                int index = (int)(cluster & (geometry.RefcountsPerBlock - 1));
                ulong count = RefcountCodec.Get(block, index, geometry.RefcountOrder);
                if (delta > 0 || count > 0)
                    RefcountCodec.Set(block, index, geometry.RefcountOrder, (ulong)((long)count + delta));
            }

            await WriteBlockAsync(blockIndex, block).ConfigureAwait(false);
        }
    }

    private async ValueTask ComplainOfUnalignedAsync(ulong offset, long blockIndex)
    {
        if (_hasComplained)
            return;
        _hasComplained = true;
        string index = blockIndex == 0 ? "0" : $"0x{blockIndex:x}";
        bool marks = _context.Repair != RepairMode.None;
        _context.Say(
            CheckFindingId.RefcountBlockUnaligned,
            $"qcow2: {(marks ? "Marking image as corrupt" : "Image is corrupt")}: "
            + $"Refblock offset 0x{offset:x} unaligned (reftable index: {index}); "
            + $"further {(marks ? "" : "non-fatal ")}corruption events will be suppressed");
        if (marks)
            await HeaderPatch.SetCorruptAsync(_context).ConfigureAwait(false);
    }
}
