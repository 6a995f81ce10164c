using Byre.Block.Buffers;
using Byre.Block.Graph;
using Byre.Block.Requests;
using Byre.Qcow2.Tests.Create;

namespace Byre.Qcow2.Tests.Metadata;

/// <summary>A file in memory whose reads or writes, while the gate is closed, wait until a test lets them go.</summary>
internal sealed class GatedNode(MemoryNode inner) : BlockNode
{
    private readonly Lock _lock = new();
    private readonly List<(long Offset, TaskCompletionSource Go)> _waiting = [];

    /// <summary>Reads wait.</summary>
    public bool IsClosed { get; set; }

    /// <summary>Writes wait.</summary>
    public bool IsClosedForWrites { get; set; }

    /// <summary>Flushes wait; null: they do not.</summary>
    public TaskCompletionSource? FlushGate { get; set; }

    public override BlockDriver Driver => inner.Driver;

    public override long LengthBytes => inner.LengthBytes;

    public override bool HasZeroInitialisedGrowth => true;

    public override bool IsReadOnly => false;

    /// <summary>Where requests wait, sorted.</summary>
    public IReadOnlyList<long> Waiting
    {
        get
        {
            lock (_lock)
                return [.. _waiting.Select(static read => read.Offset).Order()];
        }
    }

    /// <summary>Lets every request go that waits now.</summary>
    public void LetGo()
    {
        (long Offset, TaskCompletionSource Go)[] reads;
        lock (_lock)
        {
            reads = [.. _waiting];
            _waiting.Clear();
        }

        foreach ((long _, TaskCompletionSource go) in reads)
            go.SetResult();
    }

    public override ValueTask DisposeAsync() => inner.DisposeAsync();

    protected override async ValueTask ReadCoreAsync(
        long offset, IoVector destination, CancellationToken cancellation)
    {
        if (IsClosed)
            await WaitAsync(offset);
        await inner.ReadAsync(offset, destination, cancellation);
    }

    protected override async ValueTask WriteCoreAsync(
        long offset, IoVector source, RequestFlags flags, CancellationToken cancellation)
    {
        if (IsClosedForWrites)
            await WaitAsync(offset);
        await inner.WriteAsync(offset, source, flags, cancellation);
    }

    protected override async ValueTask FlushCoreAsync(CancellationToken cancellation)
    {
        if (FlushGate is { } gate)
            await gate.Task;
        await inner.FlushAsync(cancellation);
    }

    private Task WaitAsync(long offset)
    {
        var go = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (_lock)
            _waiting.Add((offset, go));
        return go.Task;
    }
}
