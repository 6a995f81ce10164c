using Byre.Block.Errors;

namespace Byre.Block.Buffers;

/// <summary>
/// Zero bytes to write: one small block of memory, repeated. Nobody may write into the vectors. Thread-safe.
/// </summary>
public static class ZeroBuffer
{
    /// <summary>The longest vector there is, in bytes.</summary>
    public const int MaxBytes = SegmentBytes * SegmentCount;

    private const int SegmentBytes = 256 << 10;
    private const int SegmentCount = 16;

    private static readonly Lazy<ReadOnlyMemory<Memory<byte>>> Segments = new(() =>
    {
        Memory<byte> zeroes = IoBufferPool.Shared.RentZeroed(SegmentBytes).Memory;
        return Enumerable.Repeat(zeroes, SegmentCount).ToArray();
    });

    /// <summary><paramref name="lengthBytes"/> zero bytes, at most <see cref="MaxBytes"/>.</summary>
    public static IoVector Take(long lengthBytes)
    {
        Invariant.That(lengthBytes <= MaxBytes);
        return new IoVector(Segments.Value).Slice(new Requests.ByteRange(0, lengthBytes));
    }
}
