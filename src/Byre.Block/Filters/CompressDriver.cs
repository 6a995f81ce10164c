using Byre.Block.Errors;
using Byre.Block.Graph;

namespace Byre.Block.Filters;

/// <summary>The filter "compress": everything written to the image below is stored compressed.</summary>
public sealed class CompressDriver : BlockDriver
{
    /// <inheritdoc/>
    public override string Name => "compress";

    /// <inheritdoc/>
    public override bool IsFilter => true;

    /// <inheritdoc/>
    public override async ValueTask<BlockNode> OpenAsync(OpenRequest request, CancellationToken cancellation)
    {
        BlockNode file = (await request.Opener
            .OpenChildAsync(request, "file", ChildRole.Filtered, null, null, cancellation)
            .ConfigureAwait(false))!;
        try
        {
            if (!file.CanWriteCompressed)
            {
                throw BlockException.NotSupported(
                    $"Compression is not supported for underlying format: {file.Driver.Name}");
            }

            ImageInfo info = await file.GetImageInfoAsync(cancellation).ConfigureAwait(false);
            return new CompressFilter(this, file, info.ClusterSizeBytes) { OpenedFlags = request.Flags };
        }
        catch
        {
            await file.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }
}
