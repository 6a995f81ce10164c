using Byre.Qcow2.Compression.Interop;

namespace Byre.Qcow2.Compression;

/// <summary>
/// Compression type "zlib". QEMU reads it with a window of 4 KiB, so no match may reach back further than that; the
/// level is the result of a measurement (docs/adr/0001-compression-libraries.md). Thread-safe.
/// </summary>
internal sealed class DeflateCodec(DeflateLibrary library) : ClusterCodec
{
    /// <summary>Raw deflate (the sign) with a window of two to the power of twelve bytes.</summary>
    internal const int WindowBits = -12;

    /// <summary>The largest hash table and symbol buffer that zlib offers.</summary>
    internal const int MemoryLevel = 9;

    private protected override int CompressInto(ReadOnlySpan<byte> cluster, Span<byte> destination) =>
        library.Compress(cluster, destination);

    private protected override bool TryDecompress(ReadOnlySpan<byte> compressed, Span<byte> cluster) =>
        library.TryDecompress(compressed, cluster);
}
