using Byre.Block.Buffers;
using Byre.Qcow2.Layout;

namespace Byre.Qcow2.Check;

/// <summary>
/// Goes over the L1 tables of many snapshots, which may lie over each other: each place of the file is visited once,
/// with the number of tables that it belongs to. Stateless.
/// </summary>
internal static class L1Sweep
{
    private const int ChunkBytes = 1 << 20;

    /// <summary>Takes a used entry at a place that so many tables share; false to end the sweep.</summary>
    public delegate bool Visitor(HostOffset place, L1Entry entry, long tables);

    /// <summary>
    /// Visits every entry that is not zero, in the order of the file; false where the visitor ended that.
    /// </summary>
    /// <exception cref="Block.Errors.BlockException">The file cannot be read.</exception>
    public static async ValueTask<bool> RunAsync(
        CheckContext context, IEnumerable<TableExtent> tables, Visitor visitor)
    {
        List<(long Offset, int Change)> edges = FindEdges(context, tables);
        // Sweeps may be many, of few bytes each: the memory is used again.
        IoBuffer chunk = IoBufferPool.Shared.Rent(ChunkBytes);
        try
        {
            return await RunAsync(context, edges, chunk, visitor).ConfigureAwait(false);
        }
        finally
        {
            chunk.Return();
        }
    }

    private static async ValueTask<bool> RunAsync(
        CheckContext context, List<(long Offset, int Change)> edges, IoBuffer chunk, Visitor visitor)
    {
        long depth = 0;
        for (int i = 0; i + 1 < edges.Count; i++)
        {
            depth += edges[i].Change;
            if (depth == 0)
                continue;
            for (long at = edges[i].Offset; at < edges[i + 1].Offset; at += ChunkBytes)
            {
                Memory<byte> bytes = chunk.Memory[..(int)Math.Min(ChunkBytes, edges[i + 1].Offset - at)];
                await context.ReadAsync(new HostOffset(at), bytes).ConfigureAwait(false);
                if (!Visit(new HostOffset(at), bytes.Span, depth, visitor))
                    return false;
            }
        }

        return true;
    }

    /// <summary>Where tables begin (+) and end (-), as far as the file has them, in whole entries.</summary>
    private static List<(long Offset, int Change)> FindEdges(CheckContext context, IEnumerable<TableExtent> tables)
    {
        var edges = new List<(long Offset, int Change)>();
        long fileBytes = context.File.LengthBytes;
        foreach (TableExtent table in tables)
        {
            long there = Math.Clamp(fileBytes - table.Offset.Value, 0, table.LengthBytes) & -Geometry.TableEntryBytes;
            if (there == 0)
                continue;
            edges.Add((table.Offset.Value, 1));
            edges.Add((table.Offset.Value + there, -1));
        }

        edges.Sort();
        return edges;
    }

    private static bool Visit(HostOffset start, ReadOnlySpan<byte> bytes, long depth, Visitor visitor)
    {
        int at = 0;
        while (at < bytes.Length)
        {
            int used = bytes[at..].IndexOfAnyExcept((byte)0);
            if (used < 0)
                break;
            at = (at + used) & -Geometry.TableEntryBytes;
            var entry = new L1Entry(System.Buffers.Binary.BinaryPrimitives.ReadUInt64BigEndian(bytes[at..]));
            if (!visitor(start + at, entry, depth))
                return false;
            at += Geometry.TableEntryBytes;
        }

        return true;
    }
}
