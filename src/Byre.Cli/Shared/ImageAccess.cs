using Byre.Block.Errors;
using Byre.Block.Graph;

namespace Byre.Cli.Shared;

/// <summary>
/// Opens and creates images with the drivers of <see cref="Drivers"/>. Not thread-safe.
/// </summary>
internal sealed class ImageAccess(ProgramContext context)
{
    /// <summary>
    /// Opens the node named <paramref name="fileName"/> (null where the options describe it alone), probing its format where no
    /// "driver" is given.
    /// </summary>
    /// <exception cref="BlockException">With the text that follows "Could not open 'X': ".</exception>
    public ValueTask<BlockNode> OpenAsync(
        string? fileName, OptionSet options, OpenFlags flags, CancellationToken cancellation = default)
    {
        _ = context;
        _ = options;
        throw BlockException.NotSupported($"No driver can open '{fileName}' with {flags} yet");
    }
}
