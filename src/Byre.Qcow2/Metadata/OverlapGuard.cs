using System.Numerics;
using Byre.Qcow2.Layout;

namespace Byre.Qcow2.Metadata;

/// <summary>
/// Compares a write with where the metadata lies, before it is made: the last line of defence against a damaged
/// image, or a bug of ours, turning into lost data. L2 tables and refcount blocks are kept in an index by cluster,
/// built at the first write. Every member is called under the metadata lock.
/// </summary>
internal sealed class OverlapGuard(ImageTables tables)
{
    private readonly Geometry _geometry = tables.Geometry;
    private Dictionary<long, OverlapChecks>? _index;

    /// <summary>Where the snapshot table lies and how long it is in bytes.</summary>
    public (HostOffset Offset, long LengthBytes) SnapshotTable { get; set; }

    /// <summary>The L1 tables of all snapshots.</summary>
    public IReadOnlyList<L1Location> InactiveL1Tables { get; set; } = [];

    /// <summary>Clusters of L2 tables that snapshots use; empty unless that check was asked for.</summary>
    public IReadOnlySet<long> InactiveL2Clusters { get; set; } = new HashSet<long>();

    /// <summary>An L2 table or a refcount block came to be.</summary>
    public void Add(in MetadataScope scope, HostOffset table, OverlapChecks kind)
    {
        _ = scope;
        if (_index is not null)
            _index[table.Value >> _geometry.ClusterBits] = kind;
    }

    /// <summary>
    /// An L2 table is no longer this image's active one: once nothing else uses its cluster, anything may be put there.
    /// </summary>
    public void Remove(in MetadataScope scope, HostOffset table)
    {
        _ = scope;
        _index?.Remove(table.Value >> _geometry.ClusterBits);
    }

    /// <summary>Tables were replaced: the index is built anew when it is next needed.</summary>
    public void Forget(in MetadataScope scope)
    {
        _ = scope;
        _index = null;
    }

    /// <summary>
    /// Checks a write to the image file, which is meant for the structure <paramref name="own"/> (or guest data:
    /// none).
    /// </summary>
    /// <exception cref="CorruptionException">It would overwrite other metadata.</exception>
    public void Check(in MetadataScope scope, HostOffset offset, long lengthBytes, OverlapChecks own)
    {
        _ = scope;
        if (lengthBytes == 0)
            return;
        OverlapChecks hit = Find(offset.Value, lengthBytes, tables.Options.OverlapChecks & ~own);
        if (hit != OverlapChecks.None)
        {
            throw new CorruptionException(
                $"Preventing invalid write on metadata (overlaps with {NameOf(hit)})", isFatal: true);
        }
    }

    private static string NameOf(OverlapChecks kind) => BitOperations.TrailingZeroCount((int)kind) switch
    {
        0 => "qcow2_header",
        1 => "active L1 table",
        2 => "active L2 table",
        3 => "refcount table",
        4 => "refcount block",
        5 => "snapshot table",
        6 => "inactive L1 table",
        7 => "inactive L2 table",
        _ => "bitmap directory",
    };

    private OverlapChecks Find(long offset, long lengthBytes, OverlapChecks checks)
    {
        if ((checks & OverlapChecks.MainHeader) != 0 && offset < _geometry.ClusterSize)
            return OverlapChecks.MainHeader;
        long start = _geometry.StartOfCluster(offset);
        long end = start + (_geometry.ClustersFor(offset - start + lengthBytes) << _geometry.ClusterBits);

        bool Hits(OverlapChecks kind, HostOffset table, long bytes) =>
            (checks & kind) != 0 && bytes > 0 && table.Value < end && start < table.Value + bytes;

        if (Hits(OverlapChecks.ActiveL1, tables.L1.Offset, (long)tables.L1.EntryCount * Geometry.TableEntryBytes))
            return OverlapChecks.ActiveL1;
        RefcountTableLocation refcounts = tables.Refcounts.Location;
        if (Hits(OverlapChecks.RefcountTable, refcounts.Offset, (long)refcounts.ClusterCount << _geometry.ClusterBits))
            return OverlapChecks.RefcountTable;
        if (Hits(OverlapChecks.SnapshotTable, SnapshotTable.Offset, SnapshotTable.LengthBytes))
            return OverlapChecks.SnapshotTable;
        foreach (L1Location table in InactiveL1Tables)
        {
            if (Hits(OverlapChecks.InactiveL1, table.Offset, table.LengthBytes))
                return OverlapChecks.InactiveL1;
        }

        return FindInIndex(start, end, checks);
    }

    private OverlapChecks FindInIndex(long start, long end, OverlapChecks checks)
    {
        const OverlapChecks Indexed = OverlapChecks.ActiveL2 | OverlapChecks.RefcountBlock;
        if ((checks & (Indexed | OverlapChecks.InactiveL2)) == 0)
            return OverlapChecks.None;
        Dictionary<long, OverlapChecks> index = _index ??= BuildIndex();
        for (long cluster = start >> _geometry.ClusterBits; cluster < end >> _geometry.ClusterBits; cluster++)
        {
            if (index.TryGetValue(cluster, out OverlapChecks kind) && (checks & kind) != 0)
                return kind;
            if ((checks & OverlapChecks.InactiveL2) != 0 && InactiveL2Clusters.Contains(cluster))
                return OverlapChecks.InactiveL2;
        }

        return OverlapChecks.None;
    }

    private Dictionary<long, OverlapChecks> BuildIndex()
    {
        var index = new Dictionary<long, OverlapChecks>();
        for (int i = 0; i < tables.Refcounts.EntryCount; i++)
        {
            HostOffset block = tables.Refcounts.BlockAt(i);
            if (block.Value != 0)
                index[block.Value >> _geometry.ClusterBits] = OverlapChecks.RefcountBlock;
        }

        for (int i = 0; i < tables.L1.EntryCount; i++)
        {
            if (tables.L1[i].IsAllocated)
                index[tables.L1[i].TableOffset.Value >> _geometry.ClusterBits] = OverlapChecks.ActiveL2;
        }

        return index;
    }
}
