using Byre.Block.Errors;
using Byre.Block.Formats;

namespace Byre;

/// <summary>A stream that can seek as the source of an inspection. The stream stays its maker's.</summary>
internal sealed class StreamInspectionSource : InspectionSource
{
    private readonly Stream _stream;

    public StreamInspectionSource(Stream stream)
    {
        if (!stream.CanSeek || !stream.CanRead)
            throw new ArgumentException("The stream must be able to seek and to read.", nameof(stream));
        _stream = stream;
        LengthBytes = stream.Length;
    }

    public override long LengthBytes { get; }

    public override async ValueTask<int> ReadAsync(
        long offset, Memory<byte> destination, CancellationToken cancellation)
    {
        try
        {
            _stream.Position = offset;
            return await _stream.ReadAsync(destination, cancellation).ConfigureAwait(false);
        }
        catch (IOException failure)
        {
            throw new BlockException(
                BlockErrorKind.InputOutput, Errno.InputOutput, $"Could not read: {failure.Message}", failure);
        }
    }
}
