using System.Buffers;
using Byre.Block.Buffers.Interop;
using Byre.Block.Errors;

namespace Byre.Block.Buffers;

/// <summary>
/// One contiguous, page-aligned block of native memory cut into slices of equal size, for a metadata cache. Memory is
/// zero at first, costs nothing until a slice is touched, and can be given back. Not thread-safe; disposed once, by
/// its owner.
/// </summary>
public sealed unsafe class SliceArena : MemoryManager<byte>
{
    private byte* _memory;

    /// <exception cref="BlockException">The memory cannot be had.</exception>
    public SliceArena(int sliceBytes, int sliceCount)
    {
        Invariant.That(sliceBytes > 0 && sliceCount > 0);
        SliceBytes = sliceBytes;
        SliceCount = sliceCount;
        LengthBytes = (long)sliceBytes * sliceCount;
        _memory = PageMemory.Reserve((nuint)LengthBytes);
        if (_memory == null)
            throw new BlockException(BlockErrorKind.NoSpace, Errno.OutOfMemory, "Could not allocate metadata caches");
    }

    /// <summary>Bytes of one slice.</summary>
    public int SliceBytes { get; }

    public int SliceCount { get; }

    /// <summary>Bytes of all slices.</summary>
    public long LengthBytes { get; }

    /// <summary>The memory of one slice.</summary>
    public Span<byte> this[int slice]
    {
        get
        {
            Invariant.That((uint)slice < (uint)SliceCount && _memory != null);
            return new Span<byte>(_memory + ((long)slice * SliceBytes), SliceBytes);
        }
    }

    /// <summary>The memory of one slice, for I/O.</summary>
    public Memory<byte> GetMemory(int slice) =>
        LengthBytes <= int.MaxValue
            ? CreateMemory(slice * SliceBytes, SliceBytes)
            : new SliceMemory(_memory + ((long)slice * SliceBytes), SliceBytes).Memory;

    /// <summary>
    /// Gives the memory of adjacent slices back to the system, as far as it is whole pages. Their content is lost.
    /// </summary>
    public void GiveBack(int firstSlice, int count)
    {
        Invariant.That(firstSlice >= 0 && count >= 0 && firstSlice <= SliceCount - count && _memory != null);
        PageMemory.GiveBack(_memory + ((long)firstSlice * SliceBytes), (nuint)((long)count * SliceBytes));
    }

    /// <inheritdoc/>
    public override Span<byte> GetSpan() => new(_memory, (int)Math.Min(LengthBytes, int.MaxValue));

    /// <inheritdoc/>
    public override MemoryHandle Pin(int elementIndex = 0) => new(_memory + elementIndex);

    /// <inheritdoc/>
    public override void Unpin()
    {
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (_memory == null)
            return;
        PageMemory.Release(_memory, (nuint)LengthBytes);
        _memory = null;
    }

    private sealed class SliceMemory(byte* memory, int length) : MemoryManager<byte>
    {
        public override Span<byte> GetSpan() => new(memory, length);

        public override MemoryHandle Pin(int elementIndex = 0) => new(memory + elementIndex);

        public override void Unpin()
        {
        }

        protected override void Dispose(bool disposing)
        {
        }
    }
}
