namespace Byre.Block.Graph;

/// <summary>How drivers open their children. Implemented by <c>ImageOpener</c>; tests may bring their own.</summary>
public interface IImageOpener
{
    /// <summary>
    /// Opens the child <paramref name="name"/> ("file", "backing", "data-file") of a node from the keys
    /// "<paramref name="name"/>.*" of the parent's options (which are taken out of them), or from
    /// <paramref name="fileName"/> where the options name nothing else.
    /// </summary>
    /// <param name="parent">The parent's request: options and flags to inherit from.</param>
    /// <param name="name">The child's name, without a dot.</param>
    /// <param name="role">Decides what is inherited: metadata and data children are protocols unless told otherwise and
    /// follow the parent's read-only flag; a backing child is read-only, its format is <paramref name="format"/> or
    /// probed.</param>
    /// <param name="fileName">The default file name; null where only options may name the child.</param>
    /// <param name="format">The default driver; null to probe (backing) or to use the protocol (others).</param>
    /// <param name="cancellation">Cancels the open.</param>
    /// <returns>The child, or null where neither options nor <paramref name="fileName"/> name one.</returns>
    ValueTask<BlockNode?> OpenChildAsync(
        OpenRequest parent,
        string name,
        ChildRole role,
        string? fileName,
        string? format,
        CancellationToken cancellation);
}
