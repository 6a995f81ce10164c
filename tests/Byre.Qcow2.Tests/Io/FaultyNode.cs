using Byre.Block.Buffers;
using Byre.Block.Errors;
using Byre.Block.Graph;
using Byre.Block.Requests;
using Byre.Qcow2.Tests.Create;

namespace Byre.Qcow2.Tests.Io;

/// <summary>A file in memory whose n-th storage call fails, once.</summary>
internal sealed class FaultyNode(MemoryNode inner) : BlockNode
{
    /// <summary>Calls until the one that fails; 0 or less: none does.</summary>
    public int FailAfter { get; set; }

    public int Errno { get; set; } = Block.Errors.Errno.InputOutput;

    /// <summary>What failed; null where nothing has.</summary>
    public string? Failed { get; private set; }

    public override BlockDriver Driver => inner.Driver;

    public override long LengthBytes => inner.LengthBytes;

    public override bool HasZeroInitialisedGrowth => true;

    public override bool IsReadOnly => false;

    public override ValueTask DisposeAsync() => inner.DisposeAsync();

    protected override ValueTask ReadCoreAsync(long offset, IoVector destination, CancellationToken cancellation)
    {
        Count($"read {offset:x}+{destination.Length:x}");
        return inner.ReadAsync(offset, destination, cancellation);
    }

    protected override ValueTask WriteCoreAsync(
        long offset, IoVector source, RequestFlags flags, CancellationToken cancellation)
    {
        Count($"write {offset:x}+{source.Length:x}");
        return inner.WriteAsync(offset, source, flags, cancellation);
    }

    protected override ValueTask FlushCoreAsync(CancellationToken cancellation)
    {
        Count("flush");
        return inner.FlushAsync(cancellation);
    }

    private void Count(string what)
    {
        if (FailAfter <= 0 || --FailAfter > 0)
            return;
        Failed = what;
        throw BlockException.FromErrno(Errno);
    }
}
