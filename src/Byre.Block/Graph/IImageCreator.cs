namespace Byre.Block.Graph;

/// <summary>How a format driver gets the file that it writes a new image into.</summary>
public interface IImageCreator
{
    /// <summary>
    /// Creates <paramref name="fileName"/> with the protocol driver it names (an existing file is emptied) and opens
    /// it read-write.
    /// </summary>
    ValueTask<BlockNode> CreateFileAsync(string fileName, OptionSet protocolOptions, CancellationToken cancellation);
}
