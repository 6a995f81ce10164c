using Byre.Block.Buffers;
using Byre.Block.Graph;
using Byre.Block.Requests;

namespace Byre.Block.Filters;

/// <summary>
/// Base of nodes that show their only child's bytes at the same offsets: everything is passed down. Derived classes
/// override what they change. Owns the child.
/// </summary>
public abstract class FilterNode : BlockNode
{
    private readonly BlockChild[] _children;

    protected FilterNode(BlockDriver driver, BlockNode child, string childName = "file")
    {
        Driver = driver;
        Child = child;
        Limits = child.Limits.PassedUp();
        OpenedFlags = child.OpenedFlags & ~OpenFlags.CopyOnRead;
        _children = [new BlockChild(childName, ChildRole.Filtered, child)];
    }

    /// <inheritdoc/>
    public override BlockDriver Driver { get; }

    /// <summary>The node below.</summary>
    public BlockNode Child { get; }

    /// <inheritdoc/>
    public override BlockNode File => Child;

    /// <inheritdoc/>
    public override IReadOnlyList<BlockChild> Children => _children;

    /// <inheritdoc/>
    public override long LengthBytes => Child.LengthBytes;

    /// <inheritdoc/>
    public override BlockLimits Limits { get; }

    /// <inheritdoc/>
    public override bool HasZeroInitialisedGrowth => Child.HasZeroInitialisedGrowth;

    /// <inheritdoc/>
    public override bool HasZeroInitialisation => Child.HasZeroInitialisation;

    /// <inheritdoc/>
    public override bool CanUnmapZeroes => Child.CanUnmapZeroes;

    /// <inheritdoc/>
    public override bool CanWriteZeroes => Child.CanWriteZeroes;

    /// <inheritdoc/>
    public override bool SupportsForceUnitAccess => Child.SupportsForceUnitAccess;

    /// <inheritdoc/>
    public override bool CanWriteCompressed => Child.CanWriteCompressed;

    /// <inheritdoc/>
    public override void ExpectAppends() => Child.ExpectAppends();

    /// <summary>
    /// What concerns the layout of the child; a filter is no image with snapshots or a backing file of its own.
    /// </summary>
    public override async ValueTask<ImageInfo> GetImageInfoAsync(CancellationToken cancellation = default)
    {
        ImageInfo info = await Child.GetImageInfoAsync(cancellation).ConfigureAwait(false);
        return new ImageInfo { ClusterSizeBytes = info.ClusterSizeBytes, VmStateOffset = info.VmStateOffset };
    }

    /// <inheritdoc/>
    public override ValueTask LoadVmStateAsync(
        long position, IoVector destination, CancellationToken cancellation = default) =>
        Child.LoadVmStateAsync(position, destination, cancellation);

    /// <inheritdoc/>
    public override ValueTask SaveVmStateAsync(
        long position, IoVector source, CancellationToken cancellation = default) =>
        Child.SaveVmStateAsync(position, source, cancellation);

    /// <inheritdoc/>
    public override ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        return CloseAsync();
    }

    /// <summary>Closes the node and its child.</summary>
    protected virtual ValueTask CloseAsync() => Child.DisposeAsync();

    /// <inheritdoc/>
    protected internal override ValueTask ReadCoreAsync(
        long offset, IoVector destination, CancellationToken cancellation) =>
        Child.ReadAsync(offset, destination, cancellation);

    /// <inheritdoc/>
    protected internal override ValueTask WriteCoreAsync(
        long offset, IoVector source, RequestFlags flags, CancellationToken cancellation) =>
        Child.WriteAsync(offset, source, flags, cancellation);

    /// <inheritdoc/>
    protected internal override ValueTask WriteZeroesCoreAsync(
        ByteRange range, RequestFlags flags, CancellationToken cancellation) =>
        Child.WriteZeroesAsync(range, flags, cancellation);

    /// <inheritdoc/>
    protected internal override ValueTask DiscardCoreAsync(ByteRange range, CancellationToken cancellation) =>
        Child.DiscardAsync(range, cancellation);

    /// <inheritdoc/>
    protected internal override ValueTask FlushCoreAsync(CancellationToken cancellation) =>
        Child.FlushAsync(cancellation);

    /// <inheritdoc/>
    protected internal override ValueTask<BlockExtent> GetStatusCoreAsync(
        ByteRange range, CancellationToken cancellation) =>
        new(new BlockExtent
        {
            Range = range,
            Status = BlockStatus.Raw | BlockStatus.OffsetValid,
            HostNode = Child,
            HostOffset = range.Offset,
        });

    /// <inheritdoc/>
    protected internal override ValueTask TruncateCoreAsync(TruncateRequest request, CancellationToken cancellation) =>
        Child.TruncateAsync(request, cancellation);
}
