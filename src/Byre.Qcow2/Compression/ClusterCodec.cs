using Byre.Block.Errors;
using Byre.Qcow2.Compression.Interop;

namespace Byre.Qcow2.Compression;

/// <summary>
/// Compresses and decompresses single clusters in one of the format's compression types. Thread-safe: any number of
/// threads may use one codec at once; the native contexts that cost something to build are kept for the next caller.
/// Calls are blocking CPU work of up to milliseconds: they belong on worker threads. Source: specification,
/// "compression_type" and "Compressed Clusters Descriptor".
/// </summary>
internal abstract class ClusterCodec
{
    private static readonly Lazy<ClusterCodec> LazyDeflate = new(() => new DeflateCodec(DeflateLibrary.Load()));
    private static readonly Lazy<ClusterCodec> LazyZstandard = new(() => new ZstandardCodec());

    /// <summary>
    /// Compression type 0 ("zlib"): a raw deflate stream within a window of 4 KiB, without header or checksum.
    /// </summary>
    public static ClusterCodec Deflate => LazyDeflate.Value;

    /// <summary>Compression type 1 ("zstd"): Zstandard frames.</summary>
    /// <exception cref="BlockException">Unsupported: this machine has no libzstd.</exception>
    public static ClusterCodec Zstandard => LazyZstandard.Value;

    /// <summary>
    /// Compresses <paramref name="cluster"/> into the start of <paramref name="destination"/>. Returns the stream's
    /// length in bytes, or -1 where it does not fit (the libraries may need a few bytes more than they use) or would
    /// not be shorter than the cluster: it is then to be stored as it is.
    /// </summary>
    public int Compress(ReadOnlySpan<byte> cluster, Span<byte> destination)
    {
        if (destination.Length >= cluster.Length)
            destination = destination[..Math.Max(cluster.Length - 1, 0)];
        return destination.IsEmpty ? -1 : CompressInto(cluster, destination);
    }

    /// <summary>
    /// Fills <paramref name="cluster"/> whole from the stream that <paramref name="compressed"/> starts with. What
    /// follows the stream (the rest of its last sector, neighbours packed behind it) is ignored, and so is what the
    /// stream would still produce beyond the cluster's end where the compression type allows that.
    /// </summary>
    /// <exception cref="BlockException">CorruptImage, EIO: not such a stream, or it ends before the cluster is
    /// full.</exception>
    public void Decompress(ReadOnlySpan<byte> compressed, Span<byte> cluster)
    {
        if (!TryDecompress(compressed, cluster))
            throw new BlockException(BlockErrorKind.CorruptImage, Errno.InputOutput, Errno.Describe(Errno.InputOutput));
    }

    private protected abstract int CompressInto(ReadOnlySpan<byte> cluster, Span<byte> destination);

    private protected abstract bool TryDecompress(ReadOnlySpan<byte> compressed, Span<byte> cluster);
}
