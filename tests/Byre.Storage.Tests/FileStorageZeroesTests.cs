using Byre.Block.Errors;
using Byre.Block.Graph;
using Byre.Block.Requests;
using Byre.Storage.Files;
using Byre.Storage.Interop;
using Byre.Storage.Tests.Support;

namespace Byre.Storage.Tests;

public sealed class FileStorageZeroesTests : IDisposable
{
    private const int Block = 65536;
    private const AllocateMode Punch = AllocateMode.PunchHole | AllocateMode.KeepSize;

    private readonly TempDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Theory]
    [InlineData(RequestFlags.None)]
    [InlineData(RequestFlags.MayUnmap)]
    public async Task Zeroes_inside_and_beyond_the_end(RequestFlags flags)
    {
        string name = _directory.File("f", Nodes.Pattern(4 * Block));
        await using FileStorage node = Nodes.Open(name);
        await node.WriteZeroesAsync(new ByteRange(Block, Block), flags);
        await node.WriteZeroesAsync(new ByteRange((3 * Block) + 7, 3 * Block), flags);
        Assert.Equal((6 * Block) + 7, node.LengthBytes);
        Assert.Equal((6 * Block) + 7, new FileInfo(name).Length);
        byte[] expected = new byte[(6 * Block) + 7];
        Nodes.Pattern(4 * Block).AsSpan(0, (3 * Block) + 7).CopyTo(expected);
        expected.AsSpan(Block, Block).Clear();
        Assert.Equal(expected, await Nodes.ReadAsync(node, 0, expected.Length));
    }

    [Fact]
    public async Task Unmapping_gives_space_back_and_plain_zeroing_keeps_it()
    {
        await using FileStorage node = Nodes.Open(_directory.File("f", Nodes.Pattern(4 * Block)));
        await node.FlushAsync();
        await node.WriteAsync(0, Nodes.Pattern(1));
        await node.FlushAsync();
        long full = (await node.GetAllocatedBytesAsync())!.Value;
        await node.WriteZeroesAsync(new ByteRange(0, Block));
        Assert.Equal(full, await node.GetAllocatedBytesAsync());
        await node.WriteZeroesAsync(new ByteRange(0, Block), RequestFlags.MayUnmap);
        Assert.Equal(full - Block, await node.GetAllocatedBytesAsync());
        await node.DiscardAsync(new ByteRange(Block, Block));
        Assert.Equal(full - (2 * Block), await node.GetAllocatedBytesAsync());
    }

    [Fact]
    public async Task Without_zero_range_a_hole_is_punched_and_filled()
    {
        var calls = new FaultyCalls { Unsupported = { AllocateMode.ZeroRange } };
        await using FileStorage node = Nodes.Open(_directory.File("f", Nodes.Pattern(2 * Block)), calls: calls);
        await node.WriteZeroesAsync(new ByteRange(0, Block));
        await node.WriteZeroesAsync(new ByteRange(Block, 2 * Block));
        Assert.Equal(new byte[3 * Block], await Nodes.ReadAsync(node, 0, 3 * Block));
        Assert.Equal(3 * Block, node.LengthBytes);
        Assert.Equal(
            [AllocateMode.ZeroRange, Punch, AllocateMode.Default, Punch, AllocateMode.Default], calls.Allocations);
    }

    [Fact]
    public async Task What_the_file_system_cannot_do_is_left_to_the_caller_and_remembered()
    {
        var calls = new FaultyCalls { Unsupported = { AllocateMode.ZeroRange, Punch, AllocateMode.Default } };
        await using FileStorage node = Nodes.Open(_directory.File("f", Nodes.Pattern(Block)), calls: calls);
        for (int i = 0; i < 2; i++)
        {
            var e = await Assert.ThrowsAsync<BlockException>(async () =>
                await node.WriteZeroesAsync(new ByteRange(0, Block), RequestFlags.MayUnmap | RequestFlags.NoFallback));
            Assert.Equal(Errno.NotSupported, e.Errno);
        }

        Assert.Equal([Punch, AllocateMode.ZeroRange], calls.Allocations);
        Assert.False(node.CanUnmapZeroes);
        Assert.False(node.CanWriteZeroes);
        await node.DiscardAsync(new ByteRange(0, Block));
        Assert.Equal(Nodes.Pattern(Block), await Nodes.ReadAsync(node, 0, Block));
        await node.WriteZeroesAsync(new ByteRange(0, Block));
        Assert.Equal(new byte[Block], await Nodes.ReadAsync(node, 0, Block));
    }

    [Fact]
    public async Task Discards_are_dropped_unless_asked_for()
    {
        await using FileStorage node = Nodes.Open(_directory.File("f", Nodes.Pattern(Block)), OpenFlags.ReadWrite);
        await node.DiscardAsync(new ByteRange(0, Block));
        Assert.Equal(Nodes.Pattern(Block), await Nodes.ReadAsync(node, 0, Block));
    }

    [Fact]
    public async Task Status_tells_data_from_holes()
    {
        string name = _directory.SparseFile("f", 8 * Block);
        await using FileStorage node = Nodes.Open(name);
        await node.WriteAsync(2 * Block, Nodes.Pattern(Block));
        BlockExtent[] extents = await WalkAsync(node, 8 * Block);
        Assert.Equal(
            [(0L, 2L * Block, false), (2 * Block, Block, true), (3 * Block, 5 * Block, false)],
            extents.Select(e => (e.Range.Offset, e.Length, e.Has(BlockStatus.Data))));
        Assert.All(extents, e => Assert.True(e.Has(BlockStatus.OffsetValid) && e.HostNode == node &&
            e.HostOffset == e.Range.Offset));
        Assert.True(extents[^1].Has(BlockStatus.EndOfFile | BlockStatus.Zero));
        Assert.False(extents[1].Has(BlockStatus.EndOfFile));
    }

    [Fact]
    public async Task A_walk_in_small_steps_asks_the_kernel_once_per_run_and_changes_are_seen()
    {
        var calls = new FaultyCalls();
        await using FileStorage node = Nodes.Open(_directory.SparseFile("f", 64 * Block), calls: calls);
        await node.WriteAsync(32 * Block, Nodes.Pattern(Block));
        int before = calls.SeekCount;
        for (int i = 0; i < 64; i++)
            await node.GetStatusAsync(new ByteRange(i * Block, Block));
        Assert.InRange(calls.SeekCount - before, 3, 5);

        await node.WriteAsync(0, new byte[1]);
        Assert.True((await node.GetStatusAsync(new ByteRange(0, Block))).Has(BlockStatus.Data));
        await node.WriteZeroesAsync(new ByteRange(0, Block), RequestFlags.MayUnmap);
        Assert.True((await node.GetStatusAsync(new ByteRange(0, Block))).Has(BlockStatus.Zero));
    }

    private static async Task<BlockExtent[]> WalkAsync(BlockNode node, long end)
    {
        var extents = new List<BlockExtent>();
        for (long offset = 0; offset < end; offset = extents[^1].Range.End)
            extents.Add(await node.GetStatusAsync(ByteRange.FromEnd(offset, end)));
        return [.. extents];
    }
}
