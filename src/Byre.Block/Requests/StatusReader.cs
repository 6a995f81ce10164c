using Byre.Block.Graph;

namespace Byre.Block.Requests;

/// <summary>
/// Completes what a driver says of a range with what the nodes around it know: whether the file below has a hole
/// where the format has data, whether what is not allocated can be anything but zeroes. Stateless.
/// </summary>
internal static class StatusReader
{
    /// <summary>Disks consist of whole sectors; the incomplete last one of a file is filled up with zeroes.</summary>
    private const int SectorBytes = 512;

    /// <param name="node">The node asked.</param>
    /// <param name="range">The question; the answer describes a run at its start.</param>
    /// <param name="wantsZeroes">False: only whether the range is allocated matters, nodes below need not be
    /// asked.</param>
    /// <param name="cancellation">Cancels.</param>
    public static ValueTask<BlockExtent> ReadAsync(
        BlockNode node, ByteRange range, bool wantsZeroes, CancellationToken cancellation)
    {
        long end = (node.LengthBytes + SectorBytes - 1) & -SectorBytes;
        if (range.Offset >= end)
            return new(new BlockExtent { Range = new ByteRange(range.Offset, 0), Status = BlockStatus.EndOfFile });
        range = ByteRange.FromEnd(range.Offset, Math.Min(range.End, end));
        if (range.IsEmpty)
            return new(new BlockExtent { Range = range, Status = BlockStatus.None });

        ValueTask<BlockExtent> answer = node.GetStatusCoreAsync(
            range.AlignOutward(node.Limits.RequestAlignmentBytes), cancellation);
        // Most answers come from tables in memory: no state machine for those.
        return answer.IsCompletedSuccessfully
            ? SettleAsync(node, Clip(answer.Result, range), end, wantsZeroes, cancellation)
            : AwaitAsync(node, answer, range, end, wantsZeroes, cancellation);
    }

    private static async ValueTask<BlockExtent> AwaitAsync(
        BlockNode node,
        ValueTask<BlockExtent> answer,
        ByteRange range,
        long end,
        bool wantsZeroes,
        CancellationToken cancellation)
    {
        BlockExtent extent = Clip(await answer.ConfigureAwait(false), range);
        return await SettleAsync(node, extent, end, wantsZeroes, cancellation).ConfigureAwait(false);
    }

    /// <summary>Completes an answer, by nodes below where it needs them.</summary>
    private static ValueTask<BlockExtent> SettleAsync(
        BlockNode node, BlockExtent extent, long end, bool wantsZeroes, CancellationToken cancellation)
    {
        if (extent.Has(BlockStatus.Raw))
            return PassDownAsync(extent, end, wantsZeroes, cancellation);
        extent = Complete(node, extent, wantsZeroes);
        return AsksFile(node, extent, wantsZeroes)
            ? AskFileAsync(extent, end, cancellation)
            : new(AtEnd(extent, end));
    }

    /// <summary>What a driver says of the end is replaced by what the node's length says.</summary>
    private static BlockExtent AtEnd(BlockExtent extent, long end)
    {
        BlockStatus atEnd = extent.Range.End >= end ? BlockStatus.EndOfFile : BlockStatus.None;
        return extent with
        {
            Status = (extent.Status & ~(BlockStatus.EndOfFile | BlockStatus.Recurse)) | atEnd,
        };
    }

    /// <summary>The part of an aligned answer that answers the question.</summary>
    private static BlockExtent Clip(BlockExtent answer, ByteRange question)
    {
        long skipped = question.Offset - answer.Range.Offset;
        Errors.Invariant.That(skipped >= 0 && answer.Range.End > question.Offset);
        return answer with
        {
            Range = ByteRange.FromEnd(question.Offset, Math.Min(question.End, answer.Range.End)),
            HostOffset = answer.Has(BlockStatus.OffsetValid) ? answer.HostOffset + skipped : 0,
        };
    }

    private static async ValueTask<BlockExtent> PassDownAsync(
        BlockExtent extent, long end, bool wantsZeroes, CancellationToken cancellation)
    {
        var below = new ByteRange(extent.HostOffset, extent.Length);
        BlockExtent answer = await ReadAsync(extent.HostNode!, below, wantsZeroes, cancellation).ConfigureAwait(false);
        if (answer.Length == 0)
        {
            // The child ends before this node does: what is missing there reads as zeroes.
            BlockStatus status = BlockStatus.Zero | BlockStatus.Allocated | BlockStatus.OffsetValid;
            return AtEnd(extent with { Status = status }, end);
        }

        return AtEnd(answer with { Range = new ByteRange(extent.Range.Offset, answer.Length) }, end);
    }

    private static BlockExtent Complete(BlockNode node, BlockExtent extent, bool wantsZeroes)
    {
        if (extent.Has(BlockStatus.Data) || (extent.Has(BlockStatus.Zero) && !node.Driver.SupportsBacking))
            return extent with { Status = extent.Status | BlockStatus.Allocated };
        if (!node.Driver.SupportsBacking || extent.Has(BlockStatus.Allocated))
            return extent;

        // Formats with backing files say themselves which zeroes are theirs.
        bool isZero = node.Backing is not { } backing
            || (wantsZeroes && extent.Range.Offset >= backing.LengthBytes);
        return isZero ? extent with { Status = extent.Status | BlockStatus.Zero } : extent;
    }

    private static bool AsksFile(BlockNode node, BlockExtent extent, bool wantsZeroes) => wantsZeroes
        && extent.Has(BlockStatus.Recurse | BlockStatus.Data | BlockStatus.OffsetValid)
        && !extent.Has(BlockStatus.Zero)
        && extent.HostNode is not null && extent.HostNode != node;

    private static async ValueTask<BlockExtent> AskFileAsync(
        BlockExtent extent, long end, CancellationToken cancellation)
    {
        BlockExtent below;
        try
        {
            var question = new ByteRange(extent.HostOffset, extent.Length);
            below = await ReadAsync(extent.HostNode!, question, wantsZeroes: true, cancellation).ConfigureAwait(false);
        }
        catch (Errors.BlockException)
        {
            // Without this answer the range counts as data, which is always right.
            return AtEnd(extent, end);
        }

        if (below.Has(BlockStatus.EndOfFile) && (below.Length == 0 || below.Has(BlockStatus.Zero)))
            return AtEnd(extent with { Status = extent.Status | BlockStatus.Zero }, end);
        extent = extent with
        {
            Range = new ByteRange(extent.Range.Offset, below.Length),
            Status = extent.Status | (below.Status & BlockStatus.Zero),
        };
        return AtEnd(extent, end);
    }
}
