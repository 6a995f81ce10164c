using Byre.Block.Buffers;
using Byre.Block.Errors;
using Byre.Block.Graph;
using Byre.Block.Requests;

namespace Byre.Block.Formats;

/// <summary>
/// An open raw image: passes everything to its file, moved by the offset and bounded by the size it was given.
/// Its length is the file's rounded up to 512 bytes. Where its format was only guessed, a write that would make the
/// first sector look like that of another format fails with EPERM. Threading as <see cref="BlockNode"/>.
/// </summary>
internal sealed class RawNode : BlockNode
{
    private readonly BlockNode _file;
    private readonly BlockChild[] _children;
    private readonly bool _guardsFirstSector;
    private long _offset;
    private long? _size;

    public RawNode(RawDriver driver, BlockNode file, long offset, long? size, bool guardsFirstSector)
    {
        Driver = driver;
        _file = file;
        _offset = offset;
        _size = size;
        _guardsFirstSector = guardsFirstSector;
        BlockLimits limits = file.Limits.PassedUp();
        // Whole sectors only, so that each write of the first one can be looked at.
        Limits = guardsFirstSector ? limits with { RequestAlignmentBytes = RawDriver.SectorBytes } : limits;
        bool isWindow = offset != 0 || size is not null;
        _children = [new BlockChild("file", isWindow ? ChildRole.Data : ChildRole.Filtered, file)];
    }

    public override BlockDriver Driver { get; }

    public override BlockNode File => _file;

    public override IReadOnlyList<BlockChild> Children => _children;

    public override long LengthBytes
    {
        get
        {
            long behindOffset = Math.Max(0, RawDriver.RoundUpToSector(_file.LengthBytes) - _offset);
            return Math.Min(behindOffset, _size ?? long.MaxValue);
        }
    }

    public override BlockLimits Limits { get; }

    public override bool HasZeroInitialisedGrowth => _file.HasZeroInitialisedGrowth;

    public override bool HasZeroInitialisation => _file.HasZeroInitialisation;

    public override bool CanUnmapZeroes => _file.CanUnmapZeroes;

    public override bool CanWriteZeroes => _file.CanWriteZeroes;

    public override bool SupportsForceUnitAccess => _file.SupportsForceUnitAccess;

    public override ValueTask DisposeAsync() => _file.DisposeAsync();

    public override ValueTask ReopenAsync(OptionSet options, OpenFlags flags, CancellationToken cancellation = default)
    {
        long offset = options.TakeSize("offset") ?? 0;
        long? size = options.TakeSize("size");
        RawDriver.CheckWindow(offset, size, _file.LengthBytes);
        _offset = offset;
        _size = size;
        OpenedFlags = flags;
        return default;
    }

    protected internal override ValueTask ReadCoreAsync(
        long offset, IoVector destination, CancellationToken cancellation)
    {
        long hostOffset = HostOffset(new ByteRange(offset, destination.Length), Errno.Invalid);
        ValueTask reached = _file.ReachAsync(BlockEvent.ReadAio, cancellation);
        return reached.IsCompletedSuccessfully
            ? _file.ReadAsync(hostOffset, destination, cancellation)
            : ReadAfterAsync(reached, hostOffset, destination, cancellation);
    }

    protected internal override ValueTask WriteCoreAsync(
        long offset, IoVector source, RequestFlags flags, CancellationToken cancellation)
    {
        long hostOffset = HostOffset(new ByteRange(offset, source.Length), Errno.NoSpace);
        if (_guardsFirstSector && offset < RawDriver.SectorBytes && source.Length > 0)
            source = CheckFirstSector(new ByteRange(offset, source.Length), source);
        ValueTask reached = _file.ReachAsync(BlockEvent.WriteAio, cancellation);
        return reached.IsCompletedSuccessfully
            ? _file.WriteAsync(hostOffset, source, flags, cancellation)
            : WriteAfterAsync(reached, hostOffset, source, flags, cancellation);
    }

    protected internal override ValueTask WriteZeroesCoreAsync(
        ByteRange range, RequestFlags flags, CancellationToken cancellation)
    {
        long hostOffset = HostOffset(range, Errno.NoSpace);
        return _file.WriteZeroesAsync(new ByteRange(hostOffset, range.Length), flags, cancellation);
    }

    protected internal override ValueTask DiscardCoreAsync(ByteRange range, CancellationToken cancellation)
    {
        long hostOffset = HostOffset(range, Errno.NoSpace);
        return _file.DiscardAsync(new ByteRange(hostOffset, range.Length), cancellation);
    }

    protected internal override ValueTask FlushCoreAsync(CancellationToken cancellation) =>
        _file.FlushAsync(cancellation);

    protected internal override ValueTask<BlockExtent> GetStatusCoreAsync(
        ByteRange range, CancellationToken cancellation) =>
        new(new BlockExtent
        {
            Range = range,
            Status = BlockStatus.Raw | BlockStatus.OffsetValid,
            HostNode = _file,
            HostOffset = range.Offset + _offset,
        });

    protected internal override ValueTask TruncateCoreAsync(TruncateRequest request, CancellationToken cancellation)
    {
        if (_size is not null)
            throw BlockException.NotSupported("Cannot resize fixed-size raw disks");
        if (request.LengthBytes > long.MaxValue - _offset)
            throw BlockException.Invalid("Disk size too large for the chosen offset");
        return _file.TruncateAsync(request with { LengthBytes = request.LengthBytes + _offset }, cancellation);
    }

    /// <summary>
    /// Refuses what another format begins with. What is returned is to be written: it holds a copy of what was looked
    /// at, which the request's owner cannot change any more.
    /// </summary>
    private static IoVector CheckFirstSector(ByteRange range, IoVector source)
    {
        Invariant.That(range.Offset == 0 && range.Length >= RawDriver.SectorBytes);
        byte[] sector = new byte[RawDriver.SectorBytes];
        source.Slice(new ByteRange(0, sector.Length)).CopyTo(sector);
        if (FormatSignatures.Identify(sector) is not null)
            throw BlockException.FromErrno(Errno.OperationNotPermitted);
        var segments = new List<Memory<byte>> { sector };
        foreach (Memory<byte> segment in source.From(sector.Length))
            segments.Add(segment);
        return new IoVector(segments.ToArray());
    }

    private async ValueTask ReadAfterAsync(
        ValueTask reached, long hostOffset, IoVector destination, CancellationToken cancellation)
    {
        await reached.ConfigureAwait(false);
        await _file.ReadAsync(hostOffset, destination, cancellation).ConfigureAwait(false);
    }

    private async ValueTask WriteAfterAsync(
        ValueTask reached, long hostOffset, IoVector source, RequestFlags flags, CancellationToken cancellation)
    {
        await reached.ConfigureAwait(false);
        await _file.WriteAsync(hostOffset, source, flags, cancellation).ConfigureAwait(false);
    }

    /// <summary>Where a request lies in the file; nothing outside the window given by "size" is ever touched.</summary>
    private long HostOffset(ByteRange range, int errno)
    {
        if (_size is { } size && range.End > size)
            throw BlockException.FromErrno(errno);
        if (range.Offset > long.MaxValue - _offset)
            throw BlockException.FromErrno(Errno.Invalid);
        return range.Offset + _offset;
    }
}
