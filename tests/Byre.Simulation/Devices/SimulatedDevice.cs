using Byre.Block.Buffers;
using Byre.Block.Errors;
using Byre.Block.Graph;
using Byre.Block.Requests;

namespace Byre.Simulation.Devices;

/// <summary>
/// A file in memory that remembers everything that was done to it: RecordingStorage and SimulatedStorage in one.
/// Without a schedule every operation completes at once; with one the schedule decides when, and whether it fails. A
/// read shows what has completed; a failed write may or may not have reached the device.
/// <para>Threading: one thread.</para>
/// </summary>
public sealed class SimulatedDevice : BlockNode
{
    /// <summary>What a device writes whole or not at all.</summary>
    public const int SectorBytes = 512;

    private readonly DeviceLog? _log;
    private readonly int _number;
    private readonly IDeviceSchedule? _schedule;
    private byte[] _issued;
    private byte[] _visible;
    private long _issuedLength;
    private long _visibleLength;
    private string _purpose = "";

    /// <param name="content">What the device holds at first; copied.</param>
    /// <param name="log">Where operations are noted; null for nowhere.</param>
    /// <param name="number">The device's number in the log.</param>
    /// <param name="schedule">Null: everything completes at once.</param>
    public SimulatedDevice(
        ReadOnlySpan<byte> content, DeviceLog? log = null, int number = 0, IDeviceSchedule? schedule = null)
    {
        (_log, _number, _schedule) = (log, number, schedule);
        _issued = content.ToArray();
        _issuedLength = _visibleLength = content.Length;
        _visible = schedule is null ? _issued : content.ToArray();
        OpenedFlags = OpenFlags.ReadWrite | OpenFlags.Unmap;
    }

    /// <summary>What the device shows now.</summary>
    public ReadOnlySpan<byte> Content => _visible.AsSpan(0, (int)_visibleLength);

    /// <summary>Device flushes so far.</summary>
    public int FlushCount { get; private set; }

    /// <summary>What reads and writes have to be aligned to.</summary>
    public int AlignmentBytes { get; init; } = 1;

    /// <inheritdoc/>
    public override BlockLimits Limits => AlignmentBytes == 1
        ? BlockLimits.Default : BlockLimits.Default with { RequestAlignmentBytes = AlignmentBytes };

    /// <summary>A device that lies: flushes (counted from 1) for which this is true do nothing.</summary>
    public Func<int, bool>? DropsFlush { get; init; }

    /// <summary>Has the device hold something else, in the memory that it has; without a log.</summary>
    public void Load(ReadOnlySpan<byte> content)
    {
        Resize(ref _issued, ref _issuedLength, 0);
        Resize(ref _issued, ref _issuedLength, content.Length);
        content.CopyTo(_issued);
        (_visible, _visibleLength) = (_issued, _issuedLength);
    }

    /// <inheritdoc/>
    public override BlockDriver Driver => SimulatedDriver.Instance;

    /// <inheritdoc/>
    public override long LengthBytes => _issuedLength;

    /// <inheritdoc/>
    public override bool HasZeroInitialisedGrowth => true;

    /// <inheritdoc/>
    public override bool HasZeroInitialisation => true;

    /// <inheritdoc/>
    public override bool WantsEvents => _log is not null;

    /// <inheritdoc/>
    public override bool CanUnmapZeroes => true;

    /// <inheritdoc/>
    public override ValueTask ReachAsync(BlockEvent moment, CancellationToken cancellation = default)
    {
        // Every write says that it is one; what it is for was said before.
        if (moment is < BlockEvent.PwritevRmwHead or > BlockEvent.PwritevDone)
            _purpose = moment.ToString();
        return default;
    }

    /// <inheritdoc/>
    public override ValueTask DisposeAsync() => default;

    /// <inheritdoc/>
    protected internal override ValueTask ReadCoreAsync(
        long offset, IoVector destination, CancellationToken cancellation)
    {
        if (_schedule is null)
        {
            Read(offset, destination);
            return default;
        }

        var done = new TaskCompletionSource();
        _schedule.Submit(null, failure =>
        {
            if (failure is not null)
            {
                done.SetException(failure);
                return;
            }

            Read(offset, destination);
            done.SetResult();
        });
        return new ValueTask(done.Task);
    }

    /// <inheritdoc/>
    protected internal override ValueTask WriteCoreAsync(
        long offset, IoVector source, RequestFlags flags, CancellationToken cancellation)
    {
        byte[] bytes = new byte[source.Length];
        source.CopyTo(bytes);
        return WriteAsync(offset, bytes);
    }

    /// <inheritdoc/>
    protected internal override ValueTask WriteZeroesCoreAsync(
        ByteRange range, RequestFlags flags, CancellationToken cancellation) =>
        WriteAsync(range.Offset, new byte[range.Length]);

    // A hole reads as zeroes: the harshest thing that a discard may do.
    /// <inheritdoc/>
    protected internal override ValueTask DiscardCoreAsync(ByteRange range, CancellationToken cancellation)
    {
        long inside = Math.Min(range.End, _issuedLength) - range.Offset;
        return inside <= 0 ? default : WriteAsync(range.Offset, new byte[inside]);
    }

    /// <inheritdoc/>
    protected internal override ValueTask FlushCoreAsync(CancellationToken cancellation)
    {
        FlushCount++;
        if (DropsFlush?.Invoke(FlushCount) == true)
            return default;
        DeviceOperation? operation = Note(() => new DeviceOperation(DeviceOperationKind.Flush, _number, _log!.Tick()));
        return CompleteAsync(DeviceOperationKind.Flush, operation, static () => { });
    }

    /// <inheritdoc/>
    protected internal override ValueTask TruncateCoreAsync(TruncateRequest request, CancellationToken cancellation)
    {
        long length = request.LengthBytes;
        Resize(ref _issued, ref _issuedLength, length);
        DeviceOperation? operation = Note(
            () => new DeviceOperation(DeviceOperationKind.Length, _number, _log!.Tick()) { EndBytes = length });
        return CompleteAsync(
            DeviceOperationKind.Length, operation, () => Resize(ref _visible, ref _visibleLength, length));
    }

    private void Read(long offset, IoVector destination)
    {
        destination.Clear();
        if (offset >= _visibleLength)
            return;
        int count = (int)Math.Min(destination.Length, _visibleLength - offset);
        destination.Slice(new ByteRange(0, count)).CopyFrom(_visible.AsSpan((int)offset, count));
    }

    private ValueTask WriteAsync(long offset, byte[] bytes)
    {
        if (bytes.Length == 0)
            return default;
        long end = offset + bytes.Length;
        if (end > _issuedLength)
            Resize(ref _issued, ref _issuedLength, end);
        bytes.CopyTo(_issued, offset);
        DeviceOperation? operation = Note(() =>
        {
            int first = (int)(offset / SectorBytes);
            int count = (int)((end + SectorBytes - 1) / SectorBytes) - first;
            byte[] sectors = new byte[count * SectorBytes];
            int there = (int)Math.Min(sectors.Length, _issuedLength - (first * (long)SectorBytes));
            _issued.AsSpan(first * SectorBytes, there).CopyTo(sectors);
            return new DeviceOperation(DeviceOperationKind.Write, _number, _log!.Tick())
            {
                Offset = offset,
                EndBytes = end,
                FirstSector = first,
                Sectors = sectors,
                Purpose = _purpose,
            };
        });
        return CompleteAsync(DeviceOperationKind.Write, operation, () =>
        {
            if (end > _visibleLength)
                Resize(ref _visible, ref _visibleLength, end);
            bytes.CopyTo(_visible, offset);
        });
    }

    private DeviceOperation? Note(Func<DeviceOperation> make)
    {
        if (_log is null)
            return null;
        DeviceOperation operation = make();
        _log.Add(operation);
        return operation;
    }

    private ValueTask CompleteAsync(DeviceOperationKind kind, DeviceOperation? operation, Action apply)
    {
        if (_schedule is null)
        {
            // One array serves for both: what is issued is visible.
            (_visible, _visibleLength) = (_issued, _issuedLength);
            operation?.CompletedAt = _log!.Tick();
            return default;
        }

        var done = new TaskCompletionSource();
        _schedule.Submit(kind, failure =>
        {
            if (failure is not null)
            {
                done.SetException(failure);
                return;
            }

            apply();
            operation?.CompletedAt = _log!.Tick();
            done.SetResult();
        });
        return new ValueTask(done.Task);
    }

    private static void Resize(ref byte[] bytes, ref long length, long wanted)
    {
        if (wanted > bytes.Length)
            Array.Resize(ref bytes, (int)Math.Max(wanted, 2L * bytes.Length));
        if (wanted < length)
            bytes.AsSpan((int)wanted, (int)(length - wanted)).Clear();
        length = wanted;
    }

    private sealed class SimulatedDriver : BlockDriver
    {
        public static SimulatedDriver Instance { get; } = new();

        public override string Name => "simulated";

        public override ValueTask<BlockNode> OpenAsync(OpenRequest request, CancellationToken cancellation) =>
            throw BlockException.NotSupported("a simulated device is not opened by name");
    }
}
