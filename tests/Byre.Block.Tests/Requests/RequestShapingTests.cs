using Byre.Block.Errors;
using Byre.Block.Graph;
using Byre.Block.Requests;
using Byre.Block.Tests.Support;

namespace Byre.Block.Tests.Requests;

public class RequestShapingTests
{
    private readonly MemoryFile _file = new() { Content = Pattern(64 << 10) };

    [Fact]
    public async Task A_node_without_demands_gets_requests_as_they_come()
    {
        await using MemoryNode node = Open(BlockLimits.Default);
        await node.ReadAsync(3, new byte[7]);
        await node.WriteAsync(5, new byte[1]);

        Assert.Equal(["read 3+7", "write 5+1"], _file.Log);
    }

    [Fact]
    public async Task Unaligned_requests_are_padded()
    {
        await using MemoryNode node = Open(new BlockLimits { RequestAlignmentBytes = 512 });
        byte[] read = new byte[600];
        await node.ReadAsync(500, read);
        await node.WriteAsync(500, new byte[600]);
        await node.WriteAsync(1024, new byte[512]);

        Assert.Equal(Pattern(1100)[500..], read);
        Assert.Equal(
            ["read 0+1536", "read 0+512", "read 1024+512", "write 0+1536", "write 1024+512"],
            _file.Log);
        Assert.Equal(Pattern(500), _file.Content[..500]);
        Assert.All(_file.Content[500..1100], value => Assert.Equal(0, value));
        Assert.Equal(Pattern(2000)[1536..2000], _file.Content[1536..2000]);
    }

    [Fact]
    public async Task Long_unaligned_requests_are_copied_at_their_ends_only()
    {
        _file.Content = Pattern(4 << 20);
        await using MemoryNode node = Open(new BlockLimits { RequestAlignmentBytes = 4096 });
        byte[] data = new byte[(3 << 20) + 2];
        await node.ReadAsync(4095, data);

        Assert.Equal(["read 0+4096", "read 4096+3145728", "read 3149824+4096"], _file.Log);
        Assert.Equal(_file.Content[4095..(4095 + data.Length)], data);
    }

    [Fact]
    public async Task Transfers_are_split()
    {
        await using MemoryNode node = Open(new BlockLimits { MaxTransferBytes = 1000, RequestAlignmentBytes = 4 });
        await node.WriteAsync(0, new byte[2500], RequestFlags.ForceUnitAccess);
        await node.ReadAsync(100, new byte[1000]);

        Assert.Equal(["write 0+1000", "write 1000+1000", "write 2000+500", "flush", "read 100+1000"], _file.Log);
    }

    [Fact]
    public async Task Write_zeroes_is_split_at_its_alignment()
    {
        await using MemoryNode node = Open(
            new BlockLimits { WriteZeroesAlignmentBytes = 1024, MaxWriteZeroesBytes = 4096 });
        await node.WriteZeroesAsync(new ByteRange(100, 10_000), RequestFlags.MayUnmap);

        Assert.Equal(
            ["zero 100+924 MayUnmap", "zero 1024+4096 MayUnmap", "zero 5120+4096 MayUnmap", "zero 9216+884 MayUnmap"],
            _file.Log);
    }

    [Fact]
    public async Task Write_zeroes_falls_back_to_buffers()
    {
        _file.CanZero = false;
        await using MemoryNode node = Open(new BlockLimits { MaxTransferBytes = 8192 });

        await Assert.ThrowsAsync<BlockException>(
            async () => await node.WriteZeroesAsync(new ByteRange(0, 10_000), RequestFlags.NoFallback));
        await node.WriteZeroesAsync(new ByteRange(0, 10_000), RequestFlags.MayUnmap | RequestFlags.ForceUnitAccess);

        Assert.Equal(["write 0+8192", "write 8192+1808", "flush"], _file.Log);
        Assert.All(_file.Content[..10_000], value => Assert.Equal(0, value));
    }

    [Fact]
    public async Task Unaligned_write_zeroes_keeps_what_surrounds_it()
    {
        await using MemoryNode node = Open(new BlockLimits { RequestAlignmentBytes = 512 });
        await node.WriteZeroesAsync(new ByteRange(100, 2000));

        Assert.Equal(
            ["read 0+512", "write 0+512", "zero 512+1536", "read 2048+512", "write 2048+512"], _file.Log);
        Assert.Equal(Pattern(100), _file.Content[..100]);
        Assert.Equal(Pattern(3000)[2100..], _file.Content[2100..3000]);
        Assert.All(_file.Content[100..2100], value => Assert.Equal(0, value));
    }

    [Fact]
    public async Task Discards_are_split_and_blocks_never_cut()
    {
        await using MemoryNode node = Open(
            new BlockLimits { RequestAlignmentBytes = 512, DiscardAlignmentBytes = 4096, MaxDiscardBytes = 8192 });
        await node.DiscardAsync(new ByteRange(100, 20_000));
        node.OpenedFlags &= ~OpenFlags.Unmap;
        await node.DiscardAsync(new ByteRange(0, 4096));

        Assert.Equal(["discard 512+3584", "discard 4096+8192", "discard 12288+4096", "discard 16384+3584"], _file.Log);
    }

    [Theory]
    [InlineData(DetectZeroesMode.Off, "write 0+512")]
    [InlineData(DetectZeroesMode.On, "zero 0+512")]
    [InlineData(DetectZeroesMode.Unmap, "zero 0+512 MayUnmap")]
    public async Task Zeroes_are_detected(DetectZeroesMode mode, string expected)
    {
        await using MemoryNode node = Open(BlockLimits.Default);
        node.DetectZeroes = mode;
        await node.WriteAsync(0, new byte[512]);
        await node.WriteAsync(512, Pattern(512));

        Assert.Equal([expected, "write 512+512"], _file.Log);
    }

    [Fact]
    public async Task Nothing_is_flushed_where_flushing_is_off()
    {
        await using MemoryNode node = Open(BlockLimits.Default);
        node.OpenedFlags |= OpenFlags.CacheNoFlush;
        await node.WriteAsync(0, new byte[512], RequestFlags.ForceUnitAccess);

        Assert.Equal(["write 0+512"], _file.Log);
    }

    [Fact]
    public async Task Unaligned_neighbours_in_one_block_do_not_lose_each_others_bytes()
    {
        _file.Content = new byte[4096];
        await using MemoryNode node = Open(new BlockLimits { RequestAlignmentBytes = 512 });
        _file.Before = async _ => await Task.Yield();

        Task[] writers = Enumerable.Range(0, 512)
            .Select(
                i => Task.Run(async () => await node.WriteAsync(i * 8, Enumerable.Repeat((byte)(i + 1), 8).ToArray())))
            .ToArray();
        await Task.WhenAll(writers);

        Assert.All(Enumerable.Range(0, 4096), i => Assert.Equal((byte)((i / 8) + 1), _file.Content[i]));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public async Task Any_sequence_of_requests_leaves_what_a_plain_array_holds(int seed)
    {
        var random = new Random(seed);
        byte[] model = Pattern(64 << 10);
        _file.CanZero = seed != 2;
        await using MemoryNode node = Open(
            new BlockLimits
            {
                RequestAlignmentBytes = 512,
                MaxTransferBytes = 4096,
                WriteZeroesAlignmentBytes = 2048,
                MaxWriteZeroesBytes = 8192,
            });
        for (int i = 0; i < 500; i++)
        {
            int offset = random.Next(model.Length);
            int length = random.Next(1, Math.Min(20_000, model.Length - offset + 1));
            byte[] data = new byte[length];
            switch (random.Next(3))
            {
                case 0:
                    await node.ReadAsync(offset, data);
                    Assert.Equal(model[offset..(offset + length)], data);
                    break;
                case 1:
                    random.NextBytes(data);
                    data.CopyTo(model, offset);
                    await node.WriteAsync(offset, data);
                    break;
                default:
                    model.AsSpan(offset, length).Clear();
                    await node.WriteZeroesAsync(new ByteRange(offset, length));
                    break;
            }
        }

        Assert.Equal(model, _file.Content);
    }

    private static byte[] Pattern(int length) =>
        Enumerable.Range(0, length).Select(i => (byte)((i % 251) + 1)).ToArray();

    private MemoryNode Open(BlockLimits limits)
    {
        _file.Limits = limits;
        return new MemoryNode(new MemoryFiles(), _file) { OpenedFlags = OpenFlags.ReadWrite | OpenFlags.Unmap };
    }
}
