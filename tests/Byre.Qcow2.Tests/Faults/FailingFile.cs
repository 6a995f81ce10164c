using Byre.Block.Buffers;
using Byre.Block.Graph;
using Byre.Block.Requests;

namespace Byre.Qcow2.Tests.Faults;

/// <summary>A node over another one, whose calls fail as its clock says. For one thread.</summary>
internal sealed class FailingFile(BlockNode inner, FaultClock clock) : BlockNode
{
    public override BlockDriver Driver => inner.Driver;

    public override long LengthBytes => inner.LengthBytes;

    public override bool HasZeroInitialisation => inner.HasZeroInitialisation;

    public override bool HasZeroInitialisedGrowth => inner.HasZeroInitialisedGrowth;

    public override bool CanWriteZeroes => inner.CanWriteZeroes;

    public bool IsOpen { get; private set; } = true;

    public override ValueTask DisposeAsync()
    {
        IsOpen = false;
        return inner.DisposeAsync();
    }

    public override ValueTask DeleteFileAsync() => inner.DeleteFileAsync();

    protected override ValueTask ReadCoreAsync(long offset, IoVector destination, CancellationToken cancellation)
    {
        Count(FaultCalls.Read);
        return inner.ReadAsync(offset, destination, cancellation);
    }

    protected override ValueTask WriteCoreAsync(
        long offset, IoVector source, RequestFlags flags, CancellationToken cancellation)
    {
        Count(FaultCalls.Write);
        return inner.WriteAsync(offset, source, flags, cancellation);
    }

    protected override ValueTask WriteZeroesCoreAsync(
        ByteRange range, RequestFlags flags, CancellationToken cancellation)
    {
        Count(FaultCalls.WriteZeroes);
        return inner.WriteZeroesAsync(range, flags, cancellation);
    }

    protected override ValueTask TruncateCoreAsync(TruncateRequest request, CancellationToken cancellation)
    {
        Count(FaultCalls.Truncate);
        return inner.TruncateAsync(request, cancellation);
    }

    protected override ValueTask FlushCoreAsync(CancellationToken cancellation)
    {
        Count(FaultCalls.Flush);
        return inner.FlushAsync(cancellation);
    }

    private void Count(FaultCalls kind)
    {
        if (clock.Fails(kind, $"{kind}", needsSpace: false))
            throw clock.MakeFailure();
    }
}
