using Byre.Block.Buffers;
using Byre.Block.Requests;

namespace Byre.Block.Jobs;

/// <summary>A piece of the two backing files on its way through a rebase. Reused; owned by one worker at a
/// time.</summary>
internal sealed class RebaseChunk(int bufferBytes) : IDisposable
{
    private readonly IoBuffer _old = IoBufferPool.Shared.Rent(bufferBytes);
    private readonly IoBuffer _new = IoBufferPool.Shared.Rent(bufferBytes);

    public ByteRange Range { get; set; }

    /// <summary>The runs that differ, by offset in the piece.</summary>
    public List<ByteRange> Differences { get; } = [];

    /// <summary>What shows through the overlay now.</summary>
    public Memory<byte> Old => _old.Memory[..(int)Range.Length];

    /// <summary>What would show through it afterwards.</summary>
    public Memory<byte> New => _new.Memory[..(int)Range.Length];

    public void Dispose()
    {
        _old.Return();
        _new.Return();
    }
}
