using Byre.Block.Buffers;
using Byre.Block.Errors;
using Byre.Block.Graph;
using Byre.Block.Requests;

namespace Byre.Block.Jobs;

/// <summary>
/// The sources of a conversion as one disk: the nodes one after the other, each rounded up to whole sectors. Does
/// not own them. Thread-safe as far as the nodes are.
/// </summary>
internal sealed class ConvertSource
{
    private readonly BlockNode[] _nodes;
    private readonly long[] _starts;
    private readonly long[] _alignments;

    /// <param name="nodes">The nodes in order, at least one.</param>
    /// <param name="clusterSizes">The cluster size of each in bytes; 0 where it has none.</param>
    public ConvertSource(IReadOnlyList<BlockNode> nodes, IReadOnlyList<int> clusterSizes)
    {
        Invariant.That(nodes.Count > 0 && nodes.Count == clusterSizes.Count);
        _nodes = [.. nodes];
        _starts = new long[_nodes.Length + 1];
        _alignments = new long[_nodes.Length];
        for (int i = 0; i < _nodes.Length; i++)
        {
            long length = RoundUpToSector(_nodes[i].LengthBytes);
            _starts[i + 1] = _starts[i] + length;
            _alignments[i] = Math.Max(RoundUpToSector(_nodes[i].Limits.RequestAlignmentBytes), clusterSizes[i]);
        }
    }

    /// <summary>Length of all nodes together in bytes, a multiple of a sector.</summary>
    public long LengthBytes => _starts[^1];

    /// <summary>The node that holds the byte at <paramref name="offset"/>, where it begins, and where it
    /// ends.</summary>
    public (BlockNode Node, ByteRange Place, long AlignmentBytes) PartAt(long offset)
    {
        int index = 0;
        while (offset >= _starts[index + 1])
            index++;
        return (_nodes[index], ByteRange.FromEnd(_starts[index], _starts[index + 1]), _alignments[index]);
    }

    /// <summary>Fills <paramref name="destination"/>; what lies beyond a node's end within its last sector reads as
    /// zeroes.</summary>
    public async ValueTask ReadAsync(long offset, Memory<byte> destination, CancellationToken cancellation)
    {
        while (!destination.IsEmpty)
        {
            (BlockNode node, ByteRange place, _) = PartAt(offset);
            int count = (int)Math.Min(destination.Length, place.End - offset);
            await node.ReadAsync(offset - place.Offset, destination[..count], cancellation).ConfigureAwait(false);
            offset += count;
            destination = destination[count..];
        }
    }

    /// <summary>
    /// Like <see cref="ReadAsync"/>, but goes on after errors: the part in which one occurred is read again sector by
    /// sector, and each sector that cannot be read is reported and cleared.
    /// </summary>
    public async ValueTask SalvageAsync(
        long offset, Memory<byte> destination, Action<string>? warn, CancellationToken cancellation)
    {
        long singlyUntil = 0;
        while (!destination.IsEmpty)
        {
            (BlockNode node, ByteRange place, _) = PartAt(offset);
            int count = (int)Math.Min(destination.Length, place.End - offset);
            if (offset < singlyUntil)
                count = SparseRunFinder.SectorBytes;
            try
            {
                await node.ReadAsync(offset - place.Offset, destination[..count], cancellation).ConfigureAwait(false);
            }
            catch (BlockException failure)
            {
                if (count > SparseRunFinder.SectorBytes)
                {
                    singlyUntil = offset + count;
                    continue;
                }

                warn?.Invoke($"error while reading offset {offset - place.Offset}: {Errno.Describe(failure.Errno)}");
                destination.Span[..count].Clear();
            }

            offset += count;
            destination = destination[count..];
        }
    }

    private static long RoundUpToSector(long lengthBytes) =>
        (lengthBytes + SparseRunFinder.SectorBytes - 1) & -SparseRunFinder.SectorBytes;
}
