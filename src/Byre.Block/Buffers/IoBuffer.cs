using System.Buffers;
using System.Runtime.InteropServices;
using Byre.Block.Errors;

namespace Byre.Block.Buffers;

/// <summary>
/// A block of native memory, aligned to 4096 bytes, that the garbage collector never moves. Rented from an
/// <see cref="IoBufferPool"/> and given back by <see cref="Return"/>, once. Not thread-safe; content is not cleared.
/// </summary>
public sealed unsafe class IoBuffer : MemoryManager<byte>
{
    /// <summary>Alignment in memory, enough for O_DIRECT on every device with sectors up to 4 KiB.</summary>
    public const int AlignmentBytes = 4096;

    private readonly IoBufferPool _owner;
    private byte* _memory;
    private int _rented;

    internal IoBuffer(IoBufferPool owner, int capacityBytes)
    {
        _owner = owner;
        CapacityBytes = capacityBytes;
        _memory = (byte*)NativeMemory.AlignedAlloc((nuint)capacityBytes, AlignmentBytes);
    }

    /// <summary>Bytes that fit, at least what was asked for.</summary>
    public int CapacityBytes { get; }

    /// <summary>
    /// Bytes that were asked for: the length of <see cref="Span"/> and <see cref="MemoryManager{T}.Memory"/>.
    /// </summary>
    public int LengthBytes { get; private set; }

    /// <summary>The bytes that were asked for.</summary>
    public Span<byte> Span => GetSpan();

    /// <inheritdoc/>
    public override Span<byte> GetSpan()
    {
        Invariant.That(_rented == 1);
        return new Span<byte>(_memory, LengthBytes);
    }

    /// <inheritdoc/>
    public override MemoryHandle Pin(int elementIndex = 0) => new(_memory + elementIndex);

    /// <inheritdoc/>
    public override void Unpin()
    {
    }

    /// <summary>Gives the memory back to its pool. A second return is an invariant failure.</summary>
    public void Return()
    {
        Invariant.That(Interlocked.Exchange(ref _rented, 0) == 1);
#if DEBUG
        new Span<byte>(_memory, LengthBytes).Fill(0xDB);
#endif
        _owner.TakeBack(this);
    }

    internal void MarkRented(int lengthBytes)
    {
        Invariant.That(Interlocked.Exchange(ref _rented, 1) == 0);
        LengthBytes = lengthBytes;
    }

    internal void Free()
    {
        if (_memory == null)
            return;
        NativeMemory.AlignedFree(_memory);
        _memory = null;
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing && _rented == 1)
            Return();
    }
}
