using Byre.Block.Buffers;

namespace Byre.Cli.QemuIo;

/// <summary>
/// One piece of memory, cut into the segments of a vectored request. <see cref="Dispose"/> once the request has
/// ended.
/// </summary>
internal sealed class VectoredBuffer : IDisposable
{
    private readonly TransferBuffer _buffer;

    private VectoredBuffer(TransferBuffer buffer, IoVector vector)
    {
        _buffer = buffer;
        Vector = vector;
    }

    public IoVector Vector { get; }

    /// <summary>All segments as one run.</summary>
    public Span<byte> Span => _buffer.Span;

    /// <summary>
    /// A buffer filled with <paramref name="pattern"/> with one segment for each of <paramref name="lengths"/>.
    /// </summary>
    /// <exception cref="CommandException">A length is none, or they are too large.</exception>
    public static VectoredBuffer Filled(ReadOnlySpan<string> lengths, byte pattern, bool misalign)
    {
        var sizes = new int[lengths.Length];
        long total = 0;
        for (int i = 0; i < sizes.Length; i++)
        {
            long size = CommandNumbers.ParseSize(lengths[i]);
            if (size > CommandNumbers.MaxRequestBytes)
            {
                throw CommandException.Output(
                    $"Argument '{lengths[i]}' exceeds maximum size {CommandNumbers.MaxRequestBytes}");
            }

            total += size;
            if (total > CommandNumbers.MaxRequestBytes)
            {
                throw CommandException.Output(
                    $"The total number of bytes exceed the maximum size {CommandNumbers.MaxRequestBytes}");
            }

            sizes[i] = (int)size;
        }

        TransferBuffer buffer = TransferBuffer.Filled(total, pattern, misalign);
        var segments = new Memory<byte>[sizes.Length];
        int position = 0;
        for (int i = 0; i < sizes.Length; i++)
        {
            segments[i] = buffer.Memory.Slice(position, sizes[i]);
            position += sizes[i];
        }

        return new VectoredBuffer(buffer, new IoVector(segments));
    }

    public void Dispose() => _buffer.Dispose();
}
