namespace Byre.Block.Graph;

/// <summary>
/// A writable node that can keep internal snapshots.
/// <para>Threading: one call at a time, with no other request in flight.</para>
/// <para>Errors: <see cref="Errors.BlockException"/>; the image is as it was before the call.</para>
/// </summary>
public interface ISnapshotStore
{
    /// <summary>
    /// Takes a snapshot of the present content. Name, date, clock and vm state size are taken from
    /// <paramref name="description"/>; its id is a new one where it is empty.
    /// </summary>
    ValueTask CreateSnapshotAsync(SnapshotInfo description, CancellationToken cancellation = default);

    /// <summary>
    /// Makes the content that of the snapshot with this id, or else of the one with this name; ENOENT where there is
    /// none.
    /// </summary>
    ValueTask ApplySnapshotAsync(string idOrName, CancellationToken cancellation = default);

    /// <summary>Removes the snapshot that has both this id and this name; ENOENT where there is none.</summary>
    ValueTask DeleteSnapshotAsync(string id, string name, CancellationToken cancellation = default);
}
