namespace Byre.Block.Graph;

/// <summary>
/// A node with internal snapshots whose content can be read instead of the current one.
/// <para>Threading: called once, after opening and before the first request. Nothing is written to the image.</para>
/// </summary>
public interface ISnapshotSource
{
    /// <summary>
    /// From now on the read-only node shows the snapshot's content and length. The snapshot is the first one that
    /// has the
    /// <paramref name="id"/> and the <paramref name="name"/>, as far as they are not null; at least one is given.
    /// </summary>
    /// <returns>False where no snapshot fits.</returns>
    /// <exception cref="Errors.BlockException">The node is writable, or the snapshot's tables cannot be
    /// read.</exception>
    ValueTask<bool> LoadSnapshotAsync(string? id, string? name, CancellationToken cancellation = default);
}
