using Byre.Block.Errors;

namespace Byre.Block.Graph;

/// <summary>Creates images and the files below them. Threading as <see cref="ImageOpener"/>.</summary>
public sealed class ImageCreatorService(ImageOpener opener) : IImageCreator
{
    /// <summary>
    /// Creates an image of the format <paramref name="format"/>. Values must be normalised and "size" set, as
    /// <see cref="CreateRequest"/> says.
    /// </summary>
    /// <exception cref="BlockException">Unknown driver, or what the driver says.</exception>
    public ValueTask CreateAsync(
        string format, string fileName, OptionSet options, CancellationToken cancellation = default) =>
        opener.Registry.Get(format).CreateAsync(RequestOf(fileName, options), cancellation);

    /// <summary>
    /// Creates or empties a file with the protocol driver that its name asks for, without opening it.
    /// </summary>
    public ValueTask CreateProtocolFileAsync(
        string fileName, OptionSet options, CancellationToken cancellation = default) =>
        opener.Registry.FindProtocol(fileName).CreateAsync(RequestOf(fileName, options), cancellation);

    /// <inheritdoc/>
    public async ValueTask<BlockNode> CreateFileAsync(
        string fileName, OptionSet protocolOptions, CancellationToken cancellation)
    {
        await CreateProtocolFileAsync(fileName, protocolOptions, cancellation).ConfigureAwait(false);
        const OpenFlags Flags = OpenFlags.ReadWrite | OpenFlags.Resize | OpenFlags.Protocol;
        return await opener.OpenAsync(fileName, Flags, cancellation: cancellation).ConfigureAwait(false);
    }

    private CreateRequest RequestOf(string fileName, OptionSet options) =>
        new() { FileName = fileName, Options = options, Creator = this };
}
