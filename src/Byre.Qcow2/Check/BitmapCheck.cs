using System.Buffers.Binary;
using Byre.Block.Errors;
using Byre.Qcow2.Layout;

namespace Byre.Qcow2.Check;

/// <summary>
/// Counts the clusters of persistent bitmaps: their directory, their tables and their bits. Stateless.
/// </summary>
internal static class BitmapCheck
{
    /// <summary>Counts everything that the bitmaps extension leads to.</summary>
    /// <exception cref="BlockException">The directory or a table cannot be used: the check ends here, as the peer's
    /// does.</exception>
    public static async ValueTask RunAsync(CheckContext context, ReferenceCounter counter)
    {
        if (context.Header.Bitmaps is not { } bitmaps)
            return;
        counter.Count(bitmaps.DirectoryOffset, bitmaps.DirectoryBytes);
        IReadOnlyList<BitmapDirectoryEntry> entries;
        try
        {
            byte[] directory = await ReadDirectoryAsync(context, bitmaps).ConfigureAwait(false);
            entries = BitmapDirectoryCodec.Parse(directory, context.Header);
        }
        catch (BlockException)
        {
            context.Tally.Corruptions++;
            throw BlockException.FromErrno(Errno.Invalid);
        }

        foreach (BitmapDirectoryEntry entry in entries)
            await CountBitmapAsync(context, counter, entry).ConfigureAwait(false);
    }

    private static async ValueTask<byte[]> ReadDirectoryAsync(CheckContext context, BitmapsExtension bitmaps)
    {
        // What lies a whole cluster beyond the end of the file reads as zeroes, and no entry may be all zeroes.
        if (bitmaps.DirectoryOffset.Value < 0
            || bitmaps.DirectoryBytes > context.File.LengthBytes - bitmaps.DirectoryOffset.Value + context.ClusterSize)
        {
            throw BlockException.FromErrno(Errno.Invalid);
        }

        byte[] directory = new byte[bitmaps.DirectoryBytes];
        await context.ReadAsync(bitmaps.DirectoryOffset, directory).ConfigureAwait(false);
        return directory;
    }

    private static async ValueTask CountBitmapAsync(
        CheckContext context, ReferenceCounter counter, BitmapDirectoryEntry entry)
    {
        long tableBytes = (long)entry.TableEntryCount * Geometry.TableEntryBytes;
        counter.Count(entry.TableOffset, tableBytes);
        byte[] table;
        try
        {
            table = await context.ReadTableAsync(entry.TableOffset, tableBytes).ConfigureAwait(false);
        }
        catch (BlockException)
        {
            context.Tally.Corruptions++;
            throw;
        }

        for (int at = 0; at + Geometry.TableEntryBytes <= table.Length; at += Geometry.TableEntryBytes)
        {
            if (EntryAt(table, at).IsValid(context.Geometry.ClusterBits))
                continue;
            context.Tally.Corruptions++;
            throw BlockException.FromErrno(Errno.Invalid);
        }

        for (int at = 0; at + Geometry.TableEntryBytes <= table.Length; at += Geometry.TableEntryBytes)
        {
            if (EntryAt(table, at).HasCluster)
                counter.Count(EntryAt(table, at).Offset, context.ClusterSize);
        }
    }

    private static BitmapTableEntry EntryAt(byte[] table, int at) =>
        new(BinaryPrimitives.ReadUInt64BigEndian(table.AsSpan(at)));
}
