using Byre.Block.Graph;
using Byre.Qcow2.Bitmaps;
using Byre.Qcow2.Layout;
using Byre.Qcow2.Metadata;
using Byre.Qcow2.Snapshots;

namespace Byre.Qcow2.Io;

/// <content>What the image says of itself.</content>
internal sealed partial class Qcow2Node
{
    /// <inheritdoc/>
    public override async ValueTask<ImageInfo> GetImageInfoAsync(CancellationToken cancellation = default)
    {
        // As a reader of a guest's data: what the header names now may be replaced and freed meanwhile, but not reused.
        long epoch;
        using (MetadataScope scope = _tables.Lock.Enter())
            epoch = _tables.Epochs.Enter(scope);
        try
        {
            return await DescribeAsync(_tables.Header, cancellation).ConfigureAwait(false);
        }
        finally
        {
            _tables.Epochs.Leave(epoch);
        }
    }

    private async ValueTask<ImageInfo> DescribeAsync(ImageHeader header, CancellationToken cancellation)
    {
        // An image that is opened to be checked may have a broken snapshot table: it is described without.
        IReadOnlyList<SnapshotRecord> snapshots = (OpenedFlags & OpenFlags.Check) != 0
            ? []
            : await SnapshotTableReader.ReadAsync(_file, header, cancellation).ConfigureAwait(false);
        IReadOnlyList<BitmapDirectoryEntry> bitmaps = await BitmapDirectoryReader.ReadAsync(_file, header, cancellation)
            .ConfigureAwait(false);
        return Qcow2Info.Describe(header, snapshots, bitmaps);
    }
}
