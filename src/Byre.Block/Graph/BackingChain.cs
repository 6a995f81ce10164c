using Byre.Block.Requests;

namespace Byre.Block.Graph;

/// <summary>
/// Questions to an image and what lies below it: its backing files, seen through filters. Stateless; the chain must not
/// change meanwhile.
/// </summary>
public static class BackingChain
{
    /// <summary>The next node below: a filter's child, an image's backing file; null at the end.</summary>
    public static BlockNode? Below(BlockNode node) => IsFilter(node) ? node.File : node.Backing;

    /// <summary>The image below any filters.</summary>
    public static BlockNode SkipFilters(BlockNode node)
    {
        while (IsFilter(node))
            node = node.File!;
        return node;
    }

    /// <summary>The image's backing file, seen through the filters above and below; null for none.</summary>
    public static BlockNode? BackingImage(BlockNode node) =>
        SkipFilters(node).Backing is { } backing ? SkipFilters(backing) : null;

    /// <summary>The node itself and every image below, without filters, from the top.</summary>
    public static IEnumerable<BlockNode> Images(BlockNode top)
    {
        for (BlockNode? image = SkipFilters(top); image is not null; image = BackingImage(image))
            yield return image;
    }

    /// <summary>
    /// The image below <paramref name="top"/> that goes by <paramref name="name"/>: its file name, or the name that
    /// the image above gives it, as written there or made absolute; null for none.
    /// </summary>
    public static async ValueTask<BlockNode?> FindAsync(
        BlockNode top, string name, CancellationToken cancellation = default)
    {
        foreach (BlockNode overlay in Images(top))
        {
            if (BackingImage(overlay) is not { } backing)
                break;
            if (backing.FileName == name || backing.ExactFileName == name)
                return backing;
            ImageInfo info = await overlay.GetImageInfoAsync(cancellation).ConfigureAwait(false);
            if (info.BackingFileName == name || IsSameFile(overlay, name, backing))
                return backing;
        }

        return null;
    }

    /// <summary>
    /// The image of the chain of <paramref name="top"/> that lies directly over <paramref name="backing"/>; null for
    /// none.
    /// </summary>
    public static BlockNode? FindOverlay(BlockNode top, BlockNode backing) =>
        Images(top).FirstOrDefault(image => BackingImage(image) == SkipFilters(backing));

    /// <summary>
    /// The status of the run that starts <paramref name="range"/> as the images from <paramref name="top"/> down to,
    /// not including, <paramref name="baseNode"/> determine it. Null asks the whole chain. What is not allocated in
    /// any of them has neither data nor zero, unless the chain ends there.
    /// </summary>
    public static ValueTask<ChainExtent> GetStatusAboveAsync(
        BlockNode top, BlockNode? baseNode, ByteRange range, CancellationToken cancellation = default) =>
        WalkAsync(top, baseNode, range, wantsZeroes: true, cancellation);

    /// <summary>
    /// Whether the run that starts <paramref name="range"/> is allocated in the images from <paramref name="top"/>
    /// down to, not including, <paramref name="baseNode"/>: as <see cref="GetStatusAboveAsync"/>, without asking
    /// files for their holes.
    /// </summary>
    public static ValueTask<ChainExtent> GetAllocationAboveAsync(
        BlockNode top, BlockNode? baseNode, ByteRange range, CancellationToken cancellation = default) =>
        WalkAsync(top, baseNode, range, wantsZeroes: false, cancellation);

    private static async ValueTask<ChainExtent> WalkAsync(
        BlockNode top, BlockNode? baseNode, ByteRange range, bool wantsZeroes, CancellationToken cancellation)
    {
        if (top == baseNode)
            return new ChainExtent(new BlockExtent { Range = range, Status = BlockStatus.None }, 0, top);
        BlockExtent extent = await StatusReader.ReadAsync(top, range, wantsZeroes, cancellation).ConfigureAwait(false);
        int depth = 1;
        if (extent.Length == 0 || extent.Has(BlockStatus.Allocated))
            return new ChainExtent(extent, depth, top);

        long endOfFile = extent.Has(BlockStatus.EndOfFile) ? extent.Range.End : -1;
        BlockNode last = top;
        for (BlockNode? node = Below(top); node is not null && node != baseNode; node = Below(node))
        {
            ByteRange question = extent.Range;
            last = node;
            depth++;
            extent = await StatusReader.ReadAsync(node, question, wantsZeroes, cancellation).ConfigureAwait(false);
            if (extent.Length == 0)
            {
                // This image is shorter than the one above: what reads as zeroes behind its end counts as stored in it.
                extent = new BlockExtent
                {
                    Range = question,
                    Status = BlockStatus.Zero | BlockStatus.Allocated,
                    HostNode = node,
                };
                break;
            }

            if (extent.Has(BlockStatus.Allocated))
                break;
        }

        // The end of an image below is not the end of the top one.
        BlockStatus atEnd = extent.Range.End == endOfFile ? BlockStatus.EndOfFile : BlockStatus.None;
        extent = extent with { Status = (extent.Status & ~BlockStatus.EndOfFile) | atEnd };
        return new ChainExtent(extent, depth, last);
    }

    private static bool IsFilter(BlockNode node) =>
        node.Driver.IsFilter && node.Backing is null && node.File is not null;

    private static bool IsSameFile(BlockNode overlay, string name, BlockNode backing)
    {
        if (FileNames.HasProtocol(name) || backing.ExactFileName.Length == 0)
            return false;
        try
        {
            string resolved = FileNames.Resolve(overlay, name)!;
            return Path.GetFullPath(resolved) == Path.GetFullPath(backing.ExactFileName);
        }
        catch (Errors.BlockException)
        {
            // An overlay without a directory: a relative name means nothing there.
            return false;
        }
    }
}
