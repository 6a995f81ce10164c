using Byre.Block.Buffers;

namespace Byre.Qcow2.WriteCache;

/// <summary>What one write to the target consists of.</summary>
/// <param name="From">First byte in the cluster that the target lacks.</param>
/// <param name="To">Behind the last one.</param>
/// <param name="Start">Where the write begins in the cluster: at or before <paramref name="From"/>.</param>
/// <param name="Content">The bytes from there on.</param>
/// <param name="Copy">To be returned after the write; null where the cluster itself is written.</param>
internal readonly record struct GatheredPiece(int From, int To, int Start, Memory<byte> Content, IoBuffer? Copy)
{
    /// <summary>True where more will be stored in the cluster.</summary>
    public bool IsPartial => Copy is not null;
}
