using Byre.Block.Buffers;
using Byre.Block.Graph;
using Byre.Block.Requests;
using Byre.Qcow2.Tests.Create;

namespace Byre.Qcow2.Tests.WriteCache;

/// <summary>A file in memory that is to be read and written in whole blocks, and remembers the writes.</summary>
internal sealed class RecordingNode(MemoryNode inner, int alignmentBytes) : BlockNode
{
    private readonly Lock _lock = new();
    private readonly List<ByteRange> _writes = [];
    private int _reads;

    public override BlockDriver Driver => inner.Driver;

    public override long LengthBytes => inner.LengthBytes;

    public override BlockLimits Limits { get; } =
        BlockLimits.Default with { RequestAlignmentBytes = alignmentBytes };

    public override bool HasZeroInitialisedGrowth => true;

    public override bool IsReadOnly => false;

    /// <summary>Writes so far.</summary>
    public ByteRange[] Writes
    {
        get
        {
            lock (_lock)
                return [.. _writes];
        }
    }

    /// <summary>Reads so far, those that an unaligned write needs among them.</summary>
    public int Reads => Volatile.Read(ref _reads);

    public override ValueTask DisposeAsync() => inner.DisposeAsync();

    protected override ValueTask ReadCoreAsync(long offset, IoVector destination, CancellationToken cancellation)
    {
        Interlocked.Increment(ref _reads);
        Assert.True(new ByteRange(offset, destination.Length).IsAligned(alignmentBytes));
        return inner.ReadAsync(offset, destination, cancellation);
    }

    protected override ValueTask WriteCoreAsync(
        long offset, IoVector source, RequestFlags flags, CancellationToken cancellation)
    {
        var range = new ByteRange(offset, source.Length);
        Assert.True(range.IsAligned(alignmentBytes));
        lock (_lock)
            _writes.Add(range);
        return inner.WriteAsync(offset, source, flags, cancellation);
    }

    protected override ValueTask FlushCoreAsync(CancellationToken cancellation) => inner.FlushAsync(cancellation);
}
