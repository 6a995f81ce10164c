using Byre.Qcow2.Layout;

namespace Byre.Qcow2.Check;

/// <summary>
/// Counts the references that metadata makes, and reports those that cannot be right. Belongs to one thread.
/// </summary>
internal sealed class ReferenceCounter(CheckContext context, RefcountCensus census)
{
    // A region that claims more than this is garbage; its first clusters are what may be worth something.
    private const int MaxRejectedClusters = 1 << 16;

    private readonly HashSet<long> _rejected = [];
    private long _fileLengthBytes = context.File.LengthBytes;

    public RefcountCensus Census { get; } = census;

    /// <summary>True once a reference could not be counted.</summary>
    public bool HasRejected { get; private set; }

    /// <summary>References that were one too many for the width of the counts.</summary>
    public long Overflows { get; private set; }

    /// <summary>
    /// Clusters of references that were not counted. Something may still refer to them: a repair must not put anything
    /// there. Collected only where everything may be repaired.
    /// </summary>
    public IReadOnlySet<long> RejectedClusters => _rejected;

    /// <summary>Says that a repair has changed the file's length.</summary>
    public void FileLengthChanged() => _fileLengthBytes = context.File.LengthBytes;

    /// <summary>
    /// Counts a reference to every cluster that <paramref name="lengthBytes"/> bytes from <paramref name="offset"/>
    /// touch. The last cluster of a file may be cut short, so that only a region that ends a whole cluster or more
    /// behind the end is wrong.
    /// </summary>
    public void Count(HostOffset offset, long lengthBytes)
    {
        var region = new TableExtent(offset, lengthBytes);
        if (lengthBytes <= 0 || RejectsAndReports(region))
            return;
        ClusterRun run = ClustersOf(region);
        Census.GrowTo(run.First.Index + run.Count);
        CountRun(run.First, run.Count);
    }

    /// <summary>
    /// Counts so many references at once to a region that is not rejected; false where a count got too high.
    /// </summary>
    public bool Add(TableExtent region, long references)
    {
        ClusterRun run = ClustersOf(region);
        Census.GrowTo(run.First.Index + run.Count);
        return Census.Add(run.First, run.Count, (ulong)references);
    }

    /// <summary>True where a reference cannot be counted, for want of such a place.</summary>
    public bool Rejects(TableExtent region) =>
        region.Offset.Value < 0 || region.Offset.Value > long.MaxValue - region.LengthBytes
            || region.Offset.Value + region.LengthBytes - _fileLengthBytes >= context.ClusterSize;

    /// <summary>The same, and says so.</summary>
    public bool RejectsAndReports(TableExtent region)
    {
        if (!Rejects(region))
            return false;
        HasRejected = true;
        context.Corrupt(
            CheckFindingId.ReferenceBeyondEnd,
            "ERROR: counting reference for region exceeding the end of the file by one cluster or more: "
            + $"offset 0x{region.Offset.Value:x} size 0x{region.LengthBytes:x}");
        NoteRejected(region.Offset, region.LengthBytes);
        return true;
    }

    /// <summary>Counts a reference to each of <paramref name="count"/> clusters, which lie in the file.</summary>
    public void CountRun(HostCluster first, int count)
    {
        while (count > 0)
        {
            int counted = Census.IncrementWhileSmall(first, count);
            first += counted;
            count -= counted;
            if (count == 0)
                break;
            if (!Census.TryIncrement(first))
                ReportOverflow(first);
            first += 1;
            count--;
        }
    }

    /// <summary>The clusters that a region touches, which is not empty and not rejected.</summary>
    public ClusterRun ClustersOf(TableExtent region)
    {
        HostCluster first = context.Geometry.ClusterOf(region.Offset);
        long last = context.Geometry.ClusterOf(region.Offset.Value + region.LengthBytes - 1);
        return new ClusterRun(first, (int)(last - first.Index + 1));
    }

    private void NoteRejected(HostOffset offset, long lengthBytes)
    {
        if (!context.RepairsErrors || offset.Value < 0)
            return;
        long first = context.Geometry.ClusterOf(offset.Value);
        long count = Math.Min((lengthBytes >> context.Geometry.ClusterBits) + 1, MaxRejectedClusters);
        for (long cluster = first; cluster <= first + count && cluster < int.MaxValue; cluster++)
            _rejected.Add(cluster);
    }

    private void ReportOverflow(HostCluster cluster)
    {
        HasRejected = true;
        Overflows++;
        context.Corrupt(
            CheckFindingId.RefcountOverflow,
            $"ERROR: overflow cluster offset=0x{context.Geometry.OffsetOf(cluster).Value:x}");
        context.Say(
            CheckFindingId.Hint,
            "Use qemu-img amend to increase the refcount entry width or qemu-img convert to create a clean copy if the "
            + "image cannot be opened for writing");
    }
}
