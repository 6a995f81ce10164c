using Byre.Block.Buffers;
using Byre.Block.Errors;
using Byre.Block.Graph;
using Byre.Block.Requests;

namespace Byre.Qcow2.Tests.Create;

/// <summary>A file in memory that counts its flushes. For tests that use one thread.</summary>
internal sealed class MemoryNode : BlockNode
{
    private byte[] _bytes = [];
    private int _length;

    public MemoryNode(bool zeroGrowth = true)
    {
        HasZeroInitialisedGrowth = zeroGrowth;
        OpenedFlags = OpenFlags.ReadWrite;
    }

    public ReadOnlySpan<byte> Content => _bytes.AsSpan(0, _length);

    public int FlushCount { get; private set; }

    public override BlockDriver Driver => new Io.StubDriver();

    public override long LengthBytes => _length;

    public override bool HasZeroInitialisedGrowth { get; }

    public override ValueTask DisposeAsync() => default;

    protected override ValueTask ReadCoreAsync(long offset, IoVector destination, CancellationToken cancellation)
    {
        destination.Clear();
        if (offset < _length)
        {
            int count = (int)Math.Min(destination.Length, _length - offset);
            destination.Slice(new ByteRange(0, count)).CopyFrom(_bytes.AsSpan((int)offset, count));
        }

        return default;
    }

    protected override ValueTask WriteCoreAsync(
        long offset, IoVector source, RequestFlags flags, CancellationToken cancellation)
    {
        if (offset + source.Length > _length)
            Resize(offset + source.Length);
        source.CopyTo(_bytes.AsSpan((int)offset));
        return default;
    }

    protected override ValueTask FlushCoreAsync(CancellationToken cancellation)
    {
        FlushCount++;
        return default;
    }

    protected override ValueTask TruncateCoreAsync(TruncateRequest request, CancellationToken cancellation)
    {
        Resize(request.LengthBytes);
        return default;
    }

    private void Resize(long lengthBytes)
    {
        if (lengthBytes > _bytes.Length)
            Array.Resize(ref _bytes, (int)Math.Max(lengthBytes, 2L * _bytes.Length));
        if (lengthBytes < _length)
            _bytes.AsSpan((int)lengthBytes, _length - (int)lengthBytes).Clear();
        _length = (int)lengthBytes;
    }
}
