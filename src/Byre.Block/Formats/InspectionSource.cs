namespace Byre.Block.Formats;

/// <summary>
/// The bytes that are inspected: a file, a stream. Used by one thread at a time; stays its maker's.
/// </summary>
public abstract class InspectionSource
{
    /// <summary>Length of the file, fixed for the inspection.</summary>
    public abstract long LengthBytes { get; }

    /// <summary>Reads at most <paramref name="destination"/>.Length bytes; returns how many, 0 at the end.</summary>
    /// <exception cref="Errors.BlockException">The file cannot be read.</exception>
    public abstract ValueTask<int> ReadAsync(
        long offset, Memory<byte> destination, CancellationToken cancellation);
}
