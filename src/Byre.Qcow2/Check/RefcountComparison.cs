using Byre.Block.Buffers;
using Byre.Block.Errors;
using Byre.Block.Requests;
using Byre.Qcow2.Layout;

namespace Byre.Qcow2.Check;

/// <summary>
/// Compares the references found with the counts in the file, block by block, and repairs the counts where that is
/// allowed. Belongs to one thread.
/// </summary>
internal sealed class RefcountComparison(CheckContext context, RefcountStructure structure, RefcountCensus census)
{
    private readonly byte[] _block = new byte[context.ClusterSize];
    private readonly List<ByteRange> _freed = [];

    /// <summary>
    /// Compares everything.
    /// </summary>
    /// <param name="repair">Which counts are corrected. Corrections are stable when this returns.</param>
    /// <param name="adopt">Makes the census hold what the file says afterwards, instead of the references.</param>
    public async ValueTask<ComparisonResult> RunAsync(RepairMode repair, bool adopt)
    {
        var result = new ComparisonResult();
        bool hasWritten = false;
        int perBlock = context.Geometry.RefcountsPerBlock;
        for (long first = 0; first < census.ClusterCount; first += perBlock)
        {
            long blockIndex = first / perBlock;
            RefcountBlockStatus status = await structure.ReadBlockAsync(blockIndex, _block).ConfigureAwait(false);
            var clusters = new HostCluster(first);
            if (status == RefcountBlockStatus.Unreadable)
            {
                ReportUnreadable(clusters, result);
                continue;
            }

            if (status == RefcountBlockStatus.Absent)
                _block.AsSpan().Clear();
            if (CompareBlock(clusters, new Pass(result, repair, adopt)))
            {
                Invariant.That(status == RefcountBlockStatus.Present);
                await structure.WriteBlockAsync(blockIndex, _block).ConfigureAwait(false);
                hasWritten = true;
            }
        }

        if (hasWritten)
            await context.BarrierAsync().ConfigureAwait(false);
        foreach (ByteRange range in _freed)
            await context.DiscardAsync(range).ConfigureAwait(false);
        _freed.Clear();
        return result;
    }

    /// <summary>Compares one block; true where it was changed.</summary>
    private bool CompareBlock(HostCluster first, Pass pass)
    {
        long count = Math.Min(context.Geometry.RefcountsPerBlock, census.ClusterCount - first.Index);
        bool countsNothing = ZeroDetector.IsZero(_block);
        bool changed = false;
        for (long done = 0; done < count;)
        {
            ReadOnlySpan<byte> expected = census.Slice(first + done, count - done);
            if (!countsNothing || !ZeroDetector.IsZero(expected))
                changed |= CompareSlice(first, (int)done, expected.Length, pass);
            done += expected.Length;
        }

        return changed;
    }

    private bool CompareSlice(HostCluster blockStart, int firstEntry, int count, Pass pass)
    {
        int order = context.Geometry.RefcountOrder;
        HostCluster first = blockStart + firstEntry;
        bool changed = false;
        for (int i = 0; i < count; i++)
        {
            ReadOnlySpan<byte> expected = census.Slice(first + i, count - i);
            if (!census.HasLargeCounts)
                i += RefcountBlockComparer.FindMismatch(_block, firstEntry + i, expected, order);
            if (i == count)
                break;
            HostCluster cluster = first + i;
            ulong stored = RefcountCodec.Get(_block, firstEntry + i, order);
            ulong references = census[cluster.Index];
            if (stored == references)
                continue;
            pass.Result.HighestCluster = cluster.Index;
            if (ReportMismatch(cluster, stored, references, pass))
            {
                RefcountCodec.Set(_block, firstEntry + i, order, references);
                changed = true;
            }
            else if (pass.Adopt)
            {
                census[cluster.Index] = stored;
            }
        }

        int lastUsed = census.Slice(first, count).LastIndexOfAnyExcept((byte)0);
        if (lastUsed >= 0)
            pass.Result.HighestCluster = Math.Max(pass.Result.HighestCluster, first.Index + lastUsed);
        return changed;
    }

    /// <summary>Reports a difference; true where it is to be repaired.</summary>
    private bool ReportMismatch(HostCluster cluster, ulong stored, ulong references, Pass pass)
    {
        ComparisonResult result = pass.Result;
        bool isLeak = stored > references;
        bool repairs = false;
        if (stored == 0)
            result.NeedsRebuild = true;
        else if (isLeak)
            repairs = pass.Repair is RepairMode.Leaks or RepairMode.All;
        else
            repairs = pass.Repair == RepairMode.All;

        string verb = repairs ? "Repairing" : isLeak ? "Leaked" : "ERROR";
        context.Say(
            isLeak ? CheckFindingId.Leak : CheckFindingId.RefcountTooLow,
            $"{verb} cluster {cluster.Index} refcount={stored} reference={references}");
        switch (isLeak, repairs)
        {
            case (true, true):
                result.LeaksFixed++;
                break;
            case (true, false):
                result.Leaks++;
                break;
            case (false, true):
                result.CorruptionsFixed++;
                break;
            default:
                result.Corruptions++;
                break;
        }

        if (repairs && references == 0)
            NoteFreed(cluster);
        return repairs;
    }

    private void ReportUnreadable(HostCluster first, ComparisonResult result)
    {
        long end = Math.Min(first.Index + context.Geometry.RefcountsPerBlock, census.ClusterCount);
        string reason = Errno.Describe(structure.LastError?.Errno ?? Errno.InputOutput);
        for (long cluster = first.Index; cluster < end; cluster++)
        {
            result.CheckErrors++;
            context.Say(CheckFindingId.RefcountUnreadable, $"Can't get refcount for cluster {cluster}: {reason}");
        }
    }

    private void NoteFreed(HostCluster cluster)
    {
        long offset = context.Geometry.OffsetOf(cluster).Value;
        if (_freed.Count > 0 && _freed[^1].End == offset)
            _freed[^1] = new ByteRange(_freed[^1].Offset, _freed[^1].Length + context.ClusterSize);
        else
            _freed.Add(new ByteRange(offset, context.ClusterSize));
    }

    private readonly record struct Pass(ComparisonResult Result, RepairMode Repair, bool Adopt);
}
