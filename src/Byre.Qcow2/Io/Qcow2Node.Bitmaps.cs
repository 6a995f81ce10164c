using Byre.Block.Bitmaps;
using Byre.Qcow2.Bitmaps;
using Byre.Qcow2.Layout;

namespace Byre.Qcow2.Io;

/// <content>Persistent bitmaps, to be read.</content>
internal sealed partial class Qcow2Node : IBitmapSource
{
    /// <inheritdoc/>
    public async ValueTask<IReadOnlyList<BitmapDescription>?> ListBitmapsAsync(CancellationToken cancellation = default)
    {
        ImageHeader header = _tables.Header;
        if (header.Version < 3)
            return null;
        IReadOnlyList<BitmapDirectoryEntry> entries =
            await BitmapDirectoryReader.ReadAsync(_file, header, cancellation).ConfigureAwait(false);
        return
        [
            .. entries.Select(
                entry => new BitmapDescription(entry.Name, 1L << entry.GranularityBits, !entry.IsInUse)),
        ];
    }

    /// <inheritdoc/>
    public async ValueTask<DirtyBitmap?> ReadBitmapAsync(string name, CancellationToken cancellation = default)
    {
        ImageHeader header = _tables.Header;
        IReadOnlyList<BitmapDirectoryEntry> entries =
            await BitmapDirectoryReader.ReadAsync(_file, header, cancellation).ConfigureAwait(false);
        foreach (BitmapDirectoryEntry entry in entries)
        {
            if (entry.Name == name)
                return await BitmapReader.ReadAsync(_file, header, entry, cancellation).ConfigureAwait(false);
        }

        return null;
    }
}
