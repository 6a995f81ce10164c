using Byre.Block.Errors;
using Byre.Block.Graph;
using Byre.Qcow2.Layout;
using Byre.Qcow2.Metadata;
using Byre.Qcow2.Snapshots;

namespace Byre.Qcow2.Io;

/// <content>Internal snapshots; the work is in <see cref="SnapshotOperations"/>.</content>
internal sealed partial class Qcow2Node : ISnapshotStore, ISnapshotSource
{
    /// <inheritdoc/>
    public ValueTask CreateSnapshotAsync(SnapshotInfo description, CancellationToken cancellation = default) =>
        ChangeSnapshotsAsync(operations => operations.CreateAsync(description, cancellation));

    /// <inheritdoc/>
    public ValueTask ApplySnapshotAsync(string idOrName, CancellationToken cancellation = default) =>
        ChangeSnapshotsAsync(operations => operations.ApplyAsync(idOrName, cancellation), changesContent: true);

    /// <inheritdoc/>
    public ValueTask DeleteSnapshotAsync(string id, string name, CancellationToken cancellation = default) =>
        ChangeSnapshotsAsync(operations => operations.DeleteAsync(id, name, cancellation));

    /// <inheritdoc/>
    public async ValueTask<bool> LoadSnapshotAsync(string? id, string? name, CancellationToken cancellation = default)
    {
        Invariant.That(IsReadOnly);
        try
        {
            return await new SnapshotOperations(this).LoadAsync(id, name, cancellation).ConfigureAwait(false);
        }
        catch (CorruptionException corruption)
        {
            throw await SignalCorruptionAsync(corruption).ConfigureAwait(false);
        }
    }

    /// <summary>The snapshot table changed, or was read: keeps the overlap checks in line.</summary>
    internal void NoteSnapshots(IReadOnlyList<SnapshotRecord> records, long tableBytes)
    {
        var l1Tables = new List<L1Location>();
        foreach (SnapshotRecord record in records)
        {
            if (record.L1EntryCount is > 0 and <= FormatLimits.MaxL1Bytes / Geometry.TableEntryBytes)
                l1Tables.Add(new L1Location(new HostOffset((long)record.L1Offset), (int)record.L1EntryCount));
        }

        _tables.Overlap.SnapshotTable = (_tables.Header.Snapshots.Offset, tableBytes);
        _tables.Overlap.InactiveL1Tables = l1Tables;
    }

    private async ValueTask ChangeSnapshotsAsync(
        Func<SnapshotOperations, ValueTask> change, bool changesContent = false)
    {
        ThrowIfNotWritable(changesContent);
        if (_tables.HasDataFile)
            throw BlockException.FromErrno(Errno.NotSupported);
        try
        {
            await change(new SnapshotOperations(this)).ConfigureAwait(false);
        }
        catch (CorruptionException corruption)
        {
            throw await SignalCorruptionAsync(corruption).ConfigureAwait(false);
        }
    }
}
