using Byre.Block.Buffers;
using Byre.Block.Graph;
using Byre.Block.Requests;

namespace Byre.Qcow2.Tests.Crash;

/// <summary>
/// Passes everything on to a file in memory and writes down what changes it, and where it was flushed.
/// </summary>
internal sealed class RecordingNode(BlockNode inner) : BlockNode
{
    private readonly Lock _lock = new();

    /// <summary>Runs in the middle of the next write, once: what another request does meanwhile.</summary>
    public Action? Meanwhile { get; set; }

    /// <summary>Everything that happened, in order.</summary>
    public List<DeviceEvent> Events { get; } = [];

    public override BlockDriver Driver => inner.Driver;

    public override long LengthBytes => inner.LengthBytes;

    public override bool HasZeroInitialisedGrowth => inner.HasZeroInitialisedGrowth;

    public override ValueTask DisposeAsync() => default;

    protected override ValueTask ReadCoreAsync(
        long offset, IoVector destination, CancellationToken cancellation)
    {
        lock (_lock)
            return inner.ReadAsync(offset, destination, cancellation);
    }

    protected override ValueTask WriteCoreAsync(
        long offset, IoVector source, RequestFlags flags, CancellationToken cancellation)
    {
        Action? meanwhile = Meanwhile;
        Meanwhile = null;
        meanwhile?.Invoke();
        byte[] bytes = new byte[source.Length];
        source.CopyTo(bytes);
        lock (_lock)
        {
            Events.Add(new DeviceEvent(offset, bytes));
            return inner.WriteAsync(offset, bytes, RequestFlags.None, cancellation);
        }
    }

    protected override ValueTask WriteZeroesCoreAsync(
        ByteRange range, RequestFlags flags, CancellationToken cancellation) =>
        WriteCoreAsync(range.Offset, new byte[range.Length], RequestFlags.None, cancellation);

    // A hole reads as zeroes: the harshest thing that a discard may do.
    protected override ValueTask DiscardCoreAsync(ByteRange range, CancellationToken cancellation)
    {
        long inside = Math.Min(range.End, LengthBytes) - range.Offset;
        return inside <= 0 ? default : WriteCoreAsync(range.Offset, new byte[inside], RequestFlags.None, cancellation);
    }

    protected override ValueTask FlushCoreAsync(CancellationToken cancellation)
    {
        lock (_lock)
            Events.Add(DeviceEvent.Flush);
        return default;
    }

    protected override ValueTask TruncateCoreAsync(TruncateRequest request, CancellationToken cancellation)
    {
        lock (_lock)
        {
            Events.Add(new DeviceEvent(request.LengthBytes, []));
            return inner.TruncateAsync(request, cancellation);
        }
    }
}
