using Byre.Block.Buffers;
using Byre.Block.Errors;
using Byre.Qcow2.Layout;

namespace Byre.Qcow2.Check;

/// <summary>
/// A batch of L2 tables read into one buffer, in the order in which they lie in the file and neighbours with one
/// read. Owned by one thread; disposing gives the buffer back.
/// </summary>
internal sealed class L2TableBatch : IDisposable
{
    private readonly IoBuffer _buffer;
    private readonly int[] _slots;
    private readonly BlockException?[] _errors;
    private readonly int _tableBytes;

    private L2TableBatch(int tableCount, int tableBytes)
    {
        _tableBytes = tableBytes;
        _buffer = IoBufferPool.Shared.Rent(tableCount * tableBytes);
        _slots = new int[tableCount];
        _errors = new BlockException?[tableCount];
    }

    /// <summary>The error that reading the table met; null where it was read.</summary>
    public BlockException? ErrorOf(int index) => _errors[index];

    /// <summary>The table's bytes.</summary>
    public Span<byte> TableOf(int index) => _buffer.Span.Slice(_slots[index] * _tableBytes, _tableBytes);

    public void Dispose() => _buffer.Return();

    /// <summary>
    /// Reads the tables at <paramref name="offsets"/>; failures are kept with the table that met them.
    /// </summary>
    public static async ValueTask<L2TableBatch> ReadAsync(CheckContext context, IReadOnlyList<HostOffset> offsets)
    {
        var batch = new L2TableBatch(offsets.Count, context.ClusterSize);
        try
        {
            int[] order = OrderInFile(offsets);
            for (int slot = 0; slot < order.Length; slot++)
                batch._slots[order[slot]] = slot;
            for (int first = 0, count; first < order.Length; first += count)
            {
                count = 1;
                while (first + count < order.Length
                    && offsets[order[first + count]] - offsets[order[first]] == (long)count * context.ClusterSize)
                {
                    count++;
                }

                await batch.ReadRunAsync(context, offsets, order.AsMemory(first, count)).ConfigureAwait(false);
            }

            return batch;
        }
        catch
        {
            batch.Dispose();
            throw;
        }
    }

    private static int[] OrderInFile(IReadOnlyList<HostOffset> offsets)
    {
        int[] order = new int[offsets.Count];
        for (int i = 0; i < order.Length; i++)
            order[i] = i;
        Array.Sort(order, (left, right) => offsets[left].CompareTo(offsets[right]));
        return order;
    }

    private async ValueTask ReadRunAsync(
        CheckContext context, IReadOnlyList<HostOffset> offsets, ReadOnlyMemory<int> tables)
    {
        int firstTable = tables.Span[0];
        Memory<byte> destination = _buffer.Memory.Slice(_slots[firstTable] * _tableBytes, tables.Length * _tableBytes);
        try
        {
            await context.ReadAsync(offsets[firstTable], destination).ConfigureAwait(false);
        }
        catch (BlockException error) when (tables.Length == 1)
        {
            _errors[firstTable] = error;
        }
        catch (BlockException)
        {
            // One of them cannot be read: find out which.
            for (int i = 0; i < tables.Length; i++)
                await ReadRunAsync(context, offsets, tables.Slice(i, 1)).ConfigureAwait(false);
        }
    }
}
