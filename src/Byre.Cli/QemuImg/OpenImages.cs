using Byre.Block.Errors;
using Byre.Block.Graph;
using Byre.Cli.Shared;

namespace Byre.Cli.QemuImg;

/// <summary>
/// The images that a command has open, closed in reverse order. <see cref="CloseAsync"/> is for the good end: a
/// failure to close an image is the command's failure. Disposed after another failure, it only reports what goes
/// wrong besides. Not thread-safe.
/// </summary>
internal sealed class OpenImages(ProgramContext context) : IAsyncDisposable
{
    private readonly Stack<BlockBackend> _open = new();

    /// <summary>Takes over an image.</summary>
    public void Add(BlockBackend image) => _open.Push(image);

    /// <summary>Closes all images.</summary>
    /// <exception cref="BlockException">The first failure; the other images stay to be disposed.</exception>
    public async ValueTask CloseAsync()
    {
        while (_open.TryPop(out BlockBackend? image))
            await image.DisposeAsync().ConfigureAwait(false);
    }

    public async ValueTask DisposeAsync()
    {
        while (_open.TryPop(out BlockBackend? image))
        {
            try
            {
                await image.DisposeAsync().ConfigureAwait(false);
            }
            catch (BlockException failure)
            {
                context.Report(failure);
            }
        }
    }
}
