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
    public static async ValueTask<BlockExtent> ReadAsync(
        BlockNode node, ByteRange range, bool wantsZeroes, CancellationToken cancellation)
    {
        long end = (node.LengthBytes + SectorBytes - 1) & -SectorBytes;
        if (range.Offset >= end)
            return new BlockExtent { Range = new ByteRange(range.Offset, 0), Status = BlockStatus.EndOfFile };
        range = ByteRange.FromEnd(range.Offset, Math.Min(range.End, end));
        if (range.IsEmpty)
            return new BlockExtent { Range = range, Status = BlockStatus.None };

        BlockExtent extent = Clip(
            await node.GetStatusCoreAsync(range.AlignOutward(node.Limits.RequestAlignmentBytes), cancellation)
                .ConfigureAwait(false),
            range);
        if (extent.Has(BlockStatus.Raw))
            extent = await PassDownAsync(extent, wantsZeroes, cancellation).ConfigureAwait(false);
        else
            extent = await CompleteAsync(node, extent, wantsZeroes, cancellation).ConfigureAwait(false);

        BlockStatus atEnd = extent.Range.End >= end ? BlockStatus.EndOfFile : BlockStatus.None;
        return extent with { Status = (extent.Status & ~BlockStatus.EndOfFile) | atEnd };
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
        BlockExtent extent, bool wantsZeroes, CancellationToken cancellation)
    {
        var below = new ByteRange(extent.HostOffset, extent.Length);
        BlockExtent answer = await ReadAsync(extent.HostNode!, below, wantsZeroes, cancellation).ConfigureAwait(false);
        if (answer.Length == 0)
        {
            // The child ends before this node does: what is missing there reads as zeroes.
            return extent with { Status = BlockStatus.Zero | BlockStatus.Allocated | BlockStatus.OffsetValid };
        }

        return answer with { Range = new ByteRange(extent.Range.Offset, answer.Length) };
    }

    private static async ValueTask<BlockExtent> CompleteAsync(
        BlockNode node, BlockExtent extent, bool wantsZeroes, CancellationToken cancellation)
    {
        if (extent.Has(BlockStatus.Data) || (extent.Has(BlockStatus.Zero) && !node.Driver.SupportsBacking))
        {
            extent = extent with { Status = extent.Status | BlockStatus.Allocated };
        }
        else if (node.Driver.SupportsBacking && !extent.Has(BlockStatus.Allocated))
        {
            // Formats with backing files say themselves which zeroes are theirs.
            bool isZero = node.Backing is not { } backing
                || (wantsZeroes && extent.Range.Offset >= backing.LengthBytes);
            if (isZero)
                extent = extent with { Status = extent.Status | BlockStatus.Zero };
        }

        bool askFile = wantsZeroes
            && extent.Has(BlockStatus.Recurse | BlockStatus.Data | BlockStatus.OffsetValid)
            && !extent.Has(BlockStatus.Zero)
            && extent.HostNode is not null && extent.HostNode != node;
        if (askFile)
            extent = await AskFileAsync(extent, cancellation).ConfigureAwait(false);
        return extent with { Status = extent.Status & ~BlockStatus.Recurse };
    }

    private static async ValueTask<BlockExtent> AskFileAsync(BlockExtent extent, CancellationToken cancellation)
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
            return extent;
        }

        if (below.Has(BlockStatus.EndOfFile) && (below.Length == 0 || below.Has(BlockStatus.Zero)))
            return extent with { Status = extent.Status | BlockStatus.Zero };
        return extent with
        {
            Range = new ByteRange(extent.Range.Offset, below.Length),
            Status = extent.Status | (below.Status & BlockStatus.Zero),
        };
    }
}
