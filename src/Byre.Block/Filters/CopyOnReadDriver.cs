using Byre.Block.Errors;
using Byre.Block.Graph;

namespace Byre.Block.Filters;

/// <summary>
/// The filter "copy-on-read": what is read from an image's backing files is stored in the image. The option "bottom"
/// names the node from which, downwards, nothing is copied.
/// </summary>
public sealed class CopyOnReadDriver : BlockDriver
{
    /// <inheritdoc/>
    public override string Name => "copy-on-read";

    /// <inheritdoc/>
    public override bool IsFilter => true;

    /// <inheritdoc/>
    public override async ValueTask<BlockNode> OpenAsync(OpenRequest request, CancellationToken cancellation)
    {
        string? bottomName = request.Options.Take("bottom");
        BlockNode file = (await request.Opener
            .OpenChildAsync(request, "file", ChildRole.Filtered, null, null, cancellation)
            .ConfigureAwait(false))!;
        try
        {
            if (file.IsReadOnly)
                throw new BlockException(
                    BlockErrorKind.ReadOnly, Errno.OperationNotPermitted, "Block node is read-only");
            BlockNode? bottom = bottomName is null ? null : FindBottom(file, bottomName);
            return new CopyOnReadFilter(this, file, bottom) { OpenedFlags = request.Flags };
        }
        catch
        {
            await file.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    private static BlockNode FindBottom(BlockNode file, string name)
    {
        for (BlockNode? node = file; node is not null; node = BackingChain.Below(node))
        {
            if (node.NodeName != name)
                continue;
            return node.Driver.IsFilter ? throw BlockException.Invalid($"Bottom node '{name}' is a filter") : node;
        }

        throw BlockException.Invalid($"Bottom node '{name}' not found");
    }
}
