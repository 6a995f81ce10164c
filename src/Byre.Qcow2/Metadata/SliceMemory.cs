using Byre.Block.Buffers;

namespace Byre.Qcow2.Metadata;

/// <summary>
/// The memory behind a slice cache: one arena for its capacity, and small ones for what it borrows beyond that. An
/// entry's index says where its memory lies. Not thread-safe.
/// </summary>
internal sealed class SliceMemory(int sliceBytes, int capacity) : IDisposable
{
    private const int OverflowChunk = 64;

    private readonly SliceArena _arena = new(sliceBytes, capacity);
    private readonly List<SliceArena> _overflow = [];

    /// <summary>The content of entry <paramref name="index"/>.</summary>
    public Span<byte> this[int index] => ArenaOf(index, out int slot)[slot];

    /// <summary>The same, for I/O.</summary>
    public Memory<byte> MemoryOf(int index) => ArenaOf(index, out int slot).GetMemory(slot);

    /// <summary>Makes sure that there is memory for entry <paramref name="index"/>, the first that is new.</summary>
    public void Reach(int index)
    {
        while (index >= capacity + (_overflow.Count * OverflowChunk))
            _overflow.Add(new SliceArena(sliceBytes, OverflowChunk));
    }

    /// <summary>Gives the memory of entries that are not used back, as far as it is whole pages.</summary>
    public void GiveBack(int first, int count)
    {
        while (count > 0)
        {
            SliceArena arena = ArenaOf(first, out int slot);
            int inArena = Math.Min(count, arena.SliceCount - slot);
            arena.GiveBack(slot, inArena);
            first += inArena;
            count -= inArena;
        }
    }

    public void Dispose()
    {
        ((IDisposable)_arena).Dispose();
        foreach (SliceArena arena in _overflow)
            ((IDisposable)arena).Dispose();
    }

    private SliceArena ArenaOf(int index, out int slot)
    {
        slot = index;
        if (index < capacity)
            return _arena;
        slot = (index - capacity) % OverflowChunk;
        return _overflow[(index - capacity) / OverflowChunk];
    }
}
