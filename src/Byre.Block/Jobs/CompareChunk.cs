using Byre.Block.Buffers;
using Byre.Block.Requests;

namespace Byre.Block.Jobs;

/// <summary>A piece of two disks on its way through a comparison. Reused; owned by one worker at a time.</summary>
internal sealed class CompareChunk : IDisposable
{
    private IoBuffer? _first;
    private IoBuffer? _second;

    public ByteRange Range { get; set; }

    /// <summary>The first node's bytes have to be read.</summary>
    public bool ReadFirst { get; set; }

    /// <summary>The second node's bytes have to be read. A node that is not read is all zeroes here.</summary>
    public bool ReadSecond { get; set; }

    /// <summary>Null while nothing is wrong.</summary>
    public CompareFinding? Finding { get; set; }

    /// <summary>A piece of the first node.</summary>
    public Memory<byte> First => (_first ??= Rent()).Memory;

    /// <summary>A piece of the second node.</summary>
    public Memory<byte> Second => (_second ??= Rent()).Memory;

    public void Dispose()
    {
        _first?.Return();
        _second?.Return();
        _first = null;
        _second = null;
    }

    private static IoBuffer Rent() => IoBufferPool.Shared.Rent(CompareJob.PieceBytes);
}
