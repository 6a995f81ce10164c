using Byre.Block.Buffers;

namespace Byre.Qcow2.Tests.Metadata;

/// <summary>Memory of caches: reserved at no cost, given back by whole pages.</summary>
public sealed class SliceArenaTests
{
    private static readonly int s_pageBytes = Environment.SystemPageSize;

    [Fact]
    public void AnArenaThatIsNotTouchedCostsNothing()
    {
        using IDisposable owner = New(4096, 1 << 20, out SliceArena arena);
        Assert.Equal(0, Resident(arena));
        arena[1 << 19][0] = 1;
        Assert.Equal(s_pageBytes, Resident(arena));
    }

    /// <summary>Slices are eighths of a page: only pages that belong to the range wholly go.</summary>
    [Theory]
    [InlineData(0, 8, 0, 1)]
    [InlineData(0, 16, 0, 2)]
    [InlineData(1, 7, 0, 0)]
    [InlineData(1, 8, 0, 0)]
    [InlineData(1, 15, 1, 1)]
    [InlineData(7, 2, 0, 0)]
    [InlineData(7, 10, 1, 1)]
    [InlineData(3, 1, 0, 0)]
    [InlineData(8, 0, 0, 0)]
    [InlineData(4, 28, 1, 3)]
    public void PagesThatBelongToARangeOnlyPartlyStay(int first, int count, int firstPage, int pages)
    {
        using IDisposable owner = New(s_pageBytes / 8, 32, out SliceArena arena);
        for (int slice = 0; slice < 32; slice++)
            arena[slice].Fill((byte)(slice + 1));
        arena.GiveBack(first, count);
        for (int slice = 0; slice < 32; slice++)
        {
            bool isGone = slice / 8 >= firstPage && slice / 8 < firstPage + pages;
            Assert.False(arena[slice].ContainsAnyExcept(isGone ? (byte)0 : (byte)(slice + 1)));
        }
    }

    [Fact]
    public void MemoryIsGivenBackAndTakenAgain()
    {
        using IDisposable owner = New(4096, 1024, out SliceArena arena);
        for (int slice = 0; slice < 1024; slice++)
            arena[slice][0] = 1;
        Assert.Equal(arena.LengthBytes, Resident(arena));
        arena.GiveBack(0, 1024);
        Assert.Equal(0, Resident(arena));
        arena[7][0] = 3;
        Assert.Equal(3, arena[7][0]);
    }

    private static IDisposable New(int sliceBytes, int count, out SliceArena arena) =>
        arena = new SliceArena(sliceBytes, count);

    private static long Resident(SliceArena arena) => ResidentPages.BytesOf(arena[0], arena.LengthBytes);
}
