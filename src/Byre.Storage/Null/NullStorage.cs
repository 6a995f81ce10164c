using Byre.Block.Buffers;
using Byre.Block.Graph;
using Byre.Block.Requests;

namespace Byre.Storage.Null;

/// <summary>
/// A device that stores nothing and, unless told otherwise, does not even fill what it reads (drivers "null-co",
/// "null-aio"): what is measured over it is the layers above. Thread-safe. Requests complete at once, or after a
/// fixed latency.
/// </summary>
public sealed class NullStorage : BlockNode
{
    private readonly NullOptions _options;

    internal NullStorage(BlockDriver driver, NullOptions options)
    {
        Driver = driver;
        _options = options;
    }

    /// <inheritdoc/>
    public override BlockDriver Driver { get; }

    /// <inheritdoc/>
    public override long LengthBytes => _options.LengthBytes;

    /// <inheritdoc/>
    public override bool SupportsForceUnitAccess => true;

    /// <inheritdoc/>
    public override bool CanWriteZeroes => false;

    /// <inheritdoc/>
    public override ValueTask<long?> GetAllocatedBytesAsync(CancellationToken cancellation = default) => new((long?)0);

    /// <inheritdoc/>
    public override ValueTask DisposeAsync() => default;

    /// <summary>"null-co://" where only the latency, which changes no content, may differ from the default.</summary>
    protected override string? DescribeFileName(OptionSet options) =>
        Driver.StrongOptions.Any(options.Contains) ? "" : Driver.Name + "://";

    /// <inheritdoc/>
    protected override ValueTask ReadCoreAsync(long offset, IoVector destination, CancellationToken cancellation)
    {
        if (_options.ReadsZeroes)
            destination.Clear();
        return WaitAsync(cancellation);
    }

    /// <inheritdoc/>
    protected override ValueTask WriteCoreAsync(
        long offset, IoVector source, RequestFlags flags, CancellationToken cancellation) => WaitAsync(cancellation);

    /// <inheritdoc/>
    protected override ValueTask FlushCoreAsync(CancellationToken cancellation) => WaitAsync(cancellation);

    /// <inheritdoc/>
    protected override ValueTask<BlockExtent> GetStatusCoreAsync(ByteRange range, CancellationToken cancellation) =>
        new(new BlockExtent
        {
            Range = range,
            Status = BlockStatus.OffsetValid | (_options.ReadsZeroes ? BlockStatus.Zero : BlockStatus.None),
            HostOffset = range.Offset,
            HostNode = this,
        });

    private ValueTask WaitAsync(CancellationToken cancellation) =>
        _options.Latency == TimeSpan.Zero ? default : new ValueTask(Task.Delay(_options.Latency, cancellation));
}
