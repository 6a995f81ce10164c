using Byre.Block.Buffers;
using Byre.Block.Errors;
using Byre.Block.Graph;
using Byre.Block.Requests;
using Byre.Nbd.Protocol;

namespace Byre.Nbd.Client;

/// <summary>An export of a server as a node of the block graph.</summary>
internal sealed class NbdNode : BlockNode
{
    private const int SectorBytes = 512;

    private readonly NbdClientOptions _options;
    private readonly ConnectionSet _connections;
    private readonly RemoteExport _export;

    public NbdNode(NbdDriver driver, NbdClientOptions options, ConnectionSet connections)
    {
        Driver = driver;
        _options = options;
        _connections = connections;
        _export = connections.Export;
        Limits = LimitsOf(_export);
    }

    public override BlockDriver Driver { get; }

    /// <summary>What the server said of the export.</summary>
    public RemoteExport Export => _export;

    public override long LengthBytes => _export.LengthBytes;

    public override BlockLimits Limits { get; }

    public override bool SupportsForceUnitAccess => _export.Can(TransmissionFlags.SendForceUnitAccess);

    public override bool CanWriteZeroes => _export.Can(TransmissionFlags.SendWriteZeroes);

    public override bool CanUnmapZeroes => CanWriteZeroes;

    public override string DirectoryName() =>
        throw BlockException.Invalid("Cannot generate a base directory for NBD nodes");

    public override ValueTask<long?> GetAllocatedBytesAsync(CancellationToken cancellation = default) => default;

    public override async ValueTask DisposeAsync()
    {
        try
        {
            if (!IsReadOnly)
                await FlushAsync().ConfigureAwait(false);
        }
        finally
        {
            _connections.Dispose();
        }
    }

    protected override string? DescribeFileName(OptionSet options) =>
        NbdFileName.Write(_options.Address, _options.Export);

    protected override async ValueTask ReadCoreAsync(
        long offset, IoVector destination, CancellationToken cancellation)
    {
        // The last sector of an export that does not end with one.
        long inside = Math.Clamp(_export.LengthBytes - offset, 0, destination.Length);
        if (inside < destination.Length)
        {
            destination.From(inside).Clear();
            destination = destination.Slice(new ByteRange(0, inside));
        }

        if (inside > 0)
            await RequestAsync(CommandCode.Read, CommandFlags.None, new ByteRange(offset, inside), default, destination)
                .ConfigureAwait(false);
    }

    protected override async ValueTask WriteCoreAsync(
        long offset, IoVector source, RequestFlags flags, CancellationToken cancellation) =>
        await RequestAsync(CommandCode.Write, Forced(flags), new ByteRange(offset, source.Length), source, default)
            .ConfigureAwait(false);

    protected override async ValueTask WriteZeroesCoreAsync(
        ByteRange range, RequestFlags flags, CancellationToken cancellation)
    {
        if (!CanWriteZeroes)
            throw BlockException.FromErrno(Errno.NotSupported);
        CommandFlags command = Forced(flags);
        if ((flags & RequestFlags.MayUnmap) == 0)
            command |= CommandFlags.NoHole;
        if ((flags & RequestFlags.NoFallback) != 0)
        {
            if (!_export.Can(TransmissionFlags.SendFastZero))
                throw BlockException.FromErrno(Errno.NotSupported);
            command |= CommandFlags.FastZero;
        }

        await RequestAsync(CommandCode.WriteZeroes, command, range, default, default).ConfigureAwait(false);
    }

    protected override async ValueTask DiscardCoreAsync(ByteRange range, CancellationToken cancellation)
    {
        if (_export.Can(TransmissionFlags.SendTrim))
            await RequestAsync(CommandCode.Trim, CommandFlags.None, range, default, default).ConfigureAwait(false);
    }

    protected override async ValueTask FlushCoreAsync(CancellationToken cancellation)
    {
        if (!_export.Can(TransmissionFlags.SendFlush))
            return;
        await RequestAsync(CommandCode.Flush, CommandFlags.None, new ByteRange(0, 0), default, default)
            .ConfigureAwait(false);
    }

    protected override async ValueTask<BlockExtent> GetStatusCoreAsync(ByteRange range, CancellationToken cancellation)
    {
        if (_export.StatusContext is null)
            return Extent(range, BlockStatus.Data | BlockStatus.OffsetValid);
        long inside = Math.Min(range.End, _export.LengthBytes) - range.Offset;
        if (inside <= 0)
            return new BlockExtent { Range = range, Status = BlockStatus.Zero };
        if (_export.Mode < NbdMode.Extended)
            inside = Math.Min(inside, int.MaxValue & -Limits.RequestAlignmentBytes);
        (long length, ulong flags) = await RequestAsync(
            CommandCode.BlockStatus, CommandFlags.RequestOne, new ByteRange(range.Offset, inside), default, default)
            .ConfigureAwait(false);
        if (length == 0)
            throw BlockException.FromErrno(Errno.InputOutput);
        BlockStatus status = BlockStatus.OffsetValid;
        if ((flags & (ulong)NbdStatusFlags.Hole) == 0)
            status |= BlockStatus.Data;
        if ((flags & (ulong)NbdStatusFlags.Zero) != 0)
            status |= BlockStatus.Zero;
        return Extent(new ByteRange(range.Offset, length), status);
    }

    protected override ValueTask TruncateCoreAsync(TruncateRequest request, CancellationToken cancellation)
    {
        if (request.LengthBytes > _export.LengthBytes)
            throw BlockException.Invalid("Cannot grow NBD nodes");
        if (request.LengthBytes != _export.LengthBytes && request.Exact)
            throw BlockException.NotSupported("Cannot resize NBD nodes");
        return default;
    }

    private BlockExtent Extent(ByteRange range, BlockStatus status) =>
        new() { Range = range, Status = status, HostOffset = range.Offset, HostNode = this };

    private ValueTask<(long LengthBytes, ulong Flags)> RequestAsync(
        CommandCode command, CommandFlags flags, ByteRange range, IoVector source, IoVector destination)
    {
        if (command is CommandCode.Write or CommandCode.WriteZeroes && range.End > _export.LengthBytes)
            throw BlockException.Invalid("Cannot grow NBD nodes");
        if (command == CommandCode.Write && _export.Mode >= NbdMode.Extended)
            flags |= CommandFlags.PayloadLength;
        return _connections.PerformAsync(
            new RequestHeader(command, flags, 0, (ulong)range.Offset, (ulong)range.Length), source, destination);
    }

    private static CommandFlags Forced(RequestFlags flags) =>
        (flags & RequestFlags.ForceUnitAccess) != 0 ? CommandFlags.ForceUnitAccess : CommandFlags.None;

    private static BlockLimits LimitsOf(RemoteExport export)
    {
        uint minimum = export.MinimumBytes;
        // A server that does not say: single bytes where its size or its answers need them, else sectors.
        if (minimum == 0)
            minimum = export.LengthBytes % SectorBytes != 0 || export.StatusContext is not null ? 1u : SectorBytes;
        long maximum = export.MaximumBytes == 0
            ? NbdLimits.MaxPayloadBytes
            : Math.Min(export.MaximumBytes, NbdLimits.MaxPayloadBytes);
        bool isExtended = export.Mode >= NbdMode.Extended;
        return new BlockLimits
        {
            RequestAlignmentBytes = (int)minimum,
            MaxTransferBytes = maximum,
            OptimalTransferBytes = export.PreferredBytes,
            MaxWriteZeroesBytes = isExtended ? 0 : maximum,
            MaxDiscardBytes = isExtended ? 0 : int.MaxValue & -(long)minimum,
        };
    }
}
