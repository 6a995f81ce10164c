using System.Buffers.Binary;
using Byre.Block.Bitmaps;
using Byre.Block.Errors;
using Byre.Block.Graph;
using Byre.Qcow2.Layout;

namespace Byre.Qcow2.Bitmaps;

/// <summary>
/// Reads the bits of a persistent bitmap: its table, and the clusters that the table names. Stateless. Memory grows
/// with what the file holds, not with what the directory claims.
/// </summary>
internal static class BitmapReader
{
    /// <exception cref="BlockException">The table is broken or cannot be read.</exception>
    public static async ValueTask<DirtyBitmap> ReadAsync(
        BlockNode file,
        ImageHeader header,
        BitmapDirectoryEntry entry,
        CancellationToken cancellation)
    {
        int clusterBytes = 1 << header.ClusterBits;
        ulong[] table = await ReadTableAsync(file, entry, cancellation).ConfigureAwait(false);
        long bits = (header.VirtualSizeBytes + (1L << entry.GranularityBits) - 1) >> entry.GranularityBits;
        if (bits > (long)table.Length * clusterBytes * 8)
            throw Broken(entry);
        var pieces = new ReadOnlyMemory<byte>[table.Length];
        for (int i = 0; i < table.Length; i++)
        {
            var place = new BitmapTableEntry(table[i]);
            bool isInside = !place.HasCluster || place.Offset.Value <= file.LengthBytes - clusterBytes;
            if (!place.IsValid(header.ClusterBits) || !isInside)
                throw Broken(entry);
            if (!place.HasCluster)
            {
                pieces[i] = place.IsAllOnes ? DirtyBitmap.Dirty : DirtyBitmap.Clean;
                continue;
            }

            byte[] piece = new byte[clusterBytes];
            await file.ReadAsync(place.Offset.Value, piece, cancellation).ConfigureAwait(false);
            pieces[i] = piece;
        }

        return new DirtyBitmap(entry.Name, 1L << entry.GranularityBits, clusterBytes, pieces)
        {
            IsEnabled = entry.IsAuto,
            IsInconsistent = entry.IsInUse,
        };
    }

    private static async ValueTask<ulong[]> ReadTableAsync(
        BlockNode file, BitmapDirectoryEntry entry, CancellationToken cancellation)
    {
        long bytes = (long)entry.TableEntryCount * sizeof(ulong);
        if (entry.TableOffset.Value > file.LengthBytes - bytes || bytes > Array.MaxLength)
            throw Broken(entry);
        byte[] raw = new byte[bytes];
        await file.ReadAsync(entry.TableOffset.Value, raw, cancellation).ConfigureAwait(false);
        var table = new ulong[entry.TableEntryCount];
        for (int i = 0; i < table.Length; i++)
            table[i] = BinaryPrimitives.ReadUInt64BigEndian(raw.AsSpan(i * sizeof(ulong)));
        return table;
    }

    private static BlockException Broken(BitmapDirectoryEntry entry) => new(
        BlockErrorKind.CorruptImage,
        Errno.Invalid,
        $"Could not read bitmap_table table from image for bitmap '{entry.Name}'");
}
