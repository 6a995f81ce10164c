using Byre.Block.Errors;
using Byre.Qcow2.Compression.Interop;

namespace Byre.Qcow2.Compression;

/// <summary>
/// Compression type "zstd": one frame a cluster when writing, any number of frames when reading. The level is the
/// result of a measurement (docs/adr/0001-compression-libraries.md). Thread-safe.
/// </summary>
internal sealed class ZstandardCodec : ClusterCodec
{
    private const int Level = 2;

    private readonly SystemZstandard _library = SystemZstandard.Load(Level)
        ?? throw BlockException.NotSupported(
            "Compression type zstd needs the system's Zstandard library (libzstd.so.1)");

    private protected override int CompressInto(ReadOnlySpan<byte> cluster, Span<byte> destination) =>
        _library.Compress(cluster, destination);

    private protected override bool TryDecompress(ReadOnlySpan<byte> compressed, Span<byte> cluster) =>
        _library.TryDecompress(compressed, cluster);
}
