using System.Buffers.Binary;
using Byre.Block.Errors;
using Byre.Qcow2.Layout;

namespace Byre.Qcow2.Check;

/// <summary>
/// The last line before a repair writes: refuses to overwrite metadata other than the one that is meant. It trusts
/// the tables themselves, not reference counts, which may be what is broken. Belongs to one thread.
/// </summary>
internal sealed class RepairGuard(CheckContext context, byte[] activeL1)
{
    private RefcountStructure? _structure;
    private HashSet<long>? _l2Clusters;
    private HashSet<long>? _refcountBlockClusters;

    /// <summary>Tells it the refcount structure that is in force.</summary>
    public void Use(RefcountStructure structure)
    {
        _structure = structure;
        _refcountBlockClusters = null;
    }

    /// <summary>
    /// Throws, after reporting it and marking the image corrupt, where <paramref name="target"/> touches a cluster of
    /// metadata of another kind than <paramref name="meant"/>.
    /// </summary>
    /// <exception cref="BlockException">EIO: it does.</exception>
    public async ValueTask CheckAsync(TableExtent target, OverlapKinds meant)
    {
        string? name = FindOverlap(target, meant);
        if (name is null)
            return;
        context.Say(
            CheckFindingId.RepairOverlap,
            $"qcow2: Marking image as corrupt: Preventing invalid write on metadata (overlaps with {name}); "
            + "further corruption events will be suppressed");
        await HeaderPatch.SetCorruptAsync(context).ConfigureAwait(false);
        throw BlockException.FromErrno(Errno.InputOutput);
    }

    /// <summary>
    /// True where the refcount table names the cluster, or a part of it, as a block; rightly or not.
    /// </summary>
    public bool IsRefcountBlock(HostCluster cluster) =>
        (_refcountBlockClusters ??= CollectRefcountBlocks()).Contains(cluster.Index);

    private string? FindOverlap(TableExtent target, OverlapKinds meant)
    {
        ImageHeader header = context.Header;
        if (Concerns(OverlapKinds.Header) && target.Offset.Value < context.ClusterSize)
            return "qcow2_header";
        var activeL1Place = new TableExtent(header.L1.Offset, header.L1.LengthBytes);
        if (Concerns(OverlapKinds.ActiveL1) && Overlaps(target, activeL1Place))
            return "active L1 table";
        var refcountTable = new TableExtent(context.RefcountTable.Offset, RefcountStructure.ClaimedBytes(context));
        if (Concerns(OverlapKinds.RefcountTable) && Overlaps(target, refcountTable))
            return "refcount table";
        if (Concerns(OverlapKinds.SnapshotTable) && Overlaps(target, context.SnapshotTable))
            return "snapshot table";
        if (Concerns(OverlapKinds.InactiveL1) && context.Snapshots.Any(snapshot => Overlaps(target, L1Of(snapshot))))
            return "inactive L1 table";
        if (Concerns(OverlapKinds.ActiveL2) && Touches(_l2Clusters ??= CollectL2Clusters(), target))
            return "active L2 table";
        if (Concerns(OverlapKinds.RefcountBlock) && Touches(_refcountBlockClusters ??= CollectRefcountBlocks(), target))
            return "refcount block";
        if (Concerns(OverlapKinds.BitmapDirectory) && header.Bitmaps is { } bitmaps
            && Overlaps(target, new TableExtent(bitmaps.DirectoryOffset, bitmaps.DirectoryBytes)))
        {
            return "bitmap directory";
        }

        return null;

        bool Concerns(OverlapKinds kind) => (meant & kind) == 0;
    }

    private static TableExtent L1Of(SnapshotRecord snapshot) =>
        new(new HostOffset((long)snapshot.L1Offset), (long)snapshot.L1EntryCount * Geometry.TableEntryBytes);

    private bool Overlaps(TableExtent target, TableExtent table)
    {
        if (table.LengthBytes == 0 || table.Offset.Value < 0 || table.Offset.Value > long.MaxValue - table.LengthBytes)
            return false;
        long start = context.Geometry.StartOfCluster(target.Offset.Value);
        long end = context.Geometry.StartOfCluster(target.Offset.Value + target.LengthBytes + context.ClusterSize - 1);
        return start < table.Offset.Value + table.LengthBytes && table.Offset.Value < end;
    }

    private bool Touches(HashSet<long> clusters, TableExtent target)
    {
        long last = context.Geometry.ClusterOf(target.Offset.Value + target.LengthBytes - 1);
        for (long cluster = context.Geometry.ClusterOf(target.Offset.Value); cluster <= last; cluster++)
        {
            if (clusters.Contains(cluster))
                return true;
        }

        return false;
    }

    private HashSet<long> CollectL2Clusters()
    {
        var clusters = new HashSet<long>();
        for (int at = 0; at + Geometry.TableEntryBytes <= activeL1.Length; at += Geometry.TableEntryBytes)
        {
            var entry = new L1Entry(BinaryPrimitives.ReadUInt64BigEndian(activeL1.AsSpan(at)));
            if (entry.IsAllocated)
                AddTable(clusters, entry.TableOffset);
        }

        return clusters;
    }

    private HashSet<long> CollectRefcountBlocks()
    {
        var clusters = new HashSet<long>();
        for (int i = 0; i < _structure?.EntryCount; i++)
        {
            ulong offset = _structure.EntryAt(i) & RefcountStructure.OffsetMask;
            if (offset != 0)
                AddTable(clusters, new HostOffset((long)offset));
        }

        return clusters;
    }

    private void AddTable(HashSet<long> clusters, HostOffset offset)
    {
        clusters.Add(context.Geometry.ClusterOf(offset.Value));
        clusters.Add(context.Geometry.ClusterOf(offset.Value + context.ClusterSize - 1));
    }
}
