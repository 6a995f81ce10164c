namespace Byre.Block.Graph;

/// <summary>
/// A node whose compressed writes can be split in two, so that a job compresses on all cores while the node
/// allocates in the order the job wants: <see cref="Compress"/> is pure CPU work, <see cref="WriteCompressedAsync"/>
/// stores its result. The outcome of both is that of one <c>WriteAsync</c> with
/// <see cref="Requests.RequestFlags.Compressed"/>.
/// <para>Threading: both may be called concurrently from any thread; the order of two concurrent writes is not
/// defined, so whoever wants the clusters packed in guest order waits for one before it issues the next.</para>
/// </summary>
public interface ICompressedTarget
{
    /// <summary>Bytes that are compressed as one: the cluster size. Writes begin at multiples of it.</summary>
    int CompressedUnitBytes { get; }

    /// <summary>
    /// Compresses one cluster. Does no I/O, takes no lock and touches no state of the image.
    /// </summary>
    /// <param name="cluster">The guest's bytes, <see cref="CompressedUnitBytes"/> of them; fewer only for the disk's
    /// last cluster, which is compressed as if zeroes followed.</param>
    /// <param name="destination">Receives the result; at least <see cref="CompressedUnitBytes"/> long.</param>
    /// <returns>Bytes written to <paramref name="destination"/>; 0 where compression gains nothing and the cluster
    /// has to be written plainly.</returns>
    int Compress(ReadOnlySpan<byte> cluster, Span<byte> destination);

    /// <summary>
    /// Stores at the guest offset <paramref name="offset"/> what <see cref="Compress"/> made of the cluster there.
    /// </summary>
    /// <param name="offset">In bytes; a multiple of <see cref="CompressedUnitBytes"/>.</param>
    /// <param name="lengthBytes">Length of the cluster's plain content in bytes, as it was given to
    /// <see cref="Compress"/>.</param>
    /// <param name="compressed">The compressed bytes; the caller's until the write has completed.</param>
    /// <param name="cancellation">Cancels the wait for other requests, never a write half done.</param>
    /// <exception cref="Errors.BlockException">The write failed; ENOTSUP where the image cannot hold compressed
    /// clusters.</exception>
    ValueTask WriteCompressedAsync(
        long offset, int lengthBytes, ReadOnlyMemory<byte> compressed, CancellationToken cancellation = default);
}
