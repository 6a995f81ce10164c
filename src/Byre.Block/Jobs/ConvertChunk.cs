using Byre.Block.Buffers;
using Byre.Block.Requests;

namespace Byre.Block.Jobs;

/// <summary>
/// One step of a conversion on its way from the source to the target: its memory, and how the pieces are to be
/// stored. Reused for one step after the other; owned by one worker or the writer at a time.
/// </summary>
internal sealed class ConvertChunk : IDisposable
{
    private readonly int _bufferBytes;
    private readonly bool _compressed;
    private IoBuffer? _plain;
    private IoBuffer? _packed;

    /// <param name="bufferBytes">The most bytes of data in one step.</param>
    /// <param name="compressed">Space for the compressed form is wanted too.</param>
    public ConvertChunk(int bufferBytes, bool compressed)
    {
        _bufferBytes = bufferBytes;
        _compressed = compressed;
    }

    public ConvertStep Step { get; set; }

    /// <summary>How the pieces of a step with data are stored, in order.</summary>
    public List<SparseRun> Runs { get; } = [];

    /// <summary>Compressed length of each run, in step with <see cref="Runs"/>: 0 where it is stored plainly.</summary>
    public List<int> PackedLengths { get; } = [];

    public ByteRange Range => Step.Range;

    /// <summary>The guest's bytes.</summary>
    public Memory<byte> Plain => (_plain ??= IoBufferPool.Shared.Rent(_bufferBytes)).Memory[..(int)Range.Length];

    /// <summary>The compressed bytes of each run, at the run's own offset.</summary>
    public Memory<byte> Packed => (_packed ??= IoBufferPool.Shared.Rent(_compressed ? _bufferBytes : 0)).Memory;

    public void Dispose()
    {
        _plain?.Return();
        _packed?.Return();
        _plain = null;
        _packed = null;
    }
}
