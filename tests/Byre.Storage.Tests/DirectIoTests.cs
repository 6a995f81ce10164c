using Byre.Block.Buffers;
using Byre.Block.Errors;
using Byre.Block.Graph;
using Byre.Block.Requests;
using Byre.Storage.Files;
using Byre.Storage.Tests.Support;

namespace Byre.Storage.Tests;

/// <summary>O_DIRECT, on whatever file system holds the temporary directory.</summary>
public sealed class DirectIoTests : IDisposable
{
    private const OpenFlags Direct = Nodes.Writable | OpenFlags.CacheDirect;

    private readonly TempDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public async Task Alignment_is_probed_and_aligned_requests_work_with_any_memory()
    {
        string name = _directory.File("f", Nodes.Pattern(65536));
        await using FileStorage node = Nodes.Open(name, Direct);
        int alignment = node.Limits.RequestAlignmentBytes;
        Assert.InRange(alignment, 512, 65536);

        byte[] memory = new byte[(8 * alignment) + 1];
        byte[] pattern = Nodes.Pattern(8 * alignment, seed: 2);
        pattern.CopyTo(memory, 1);
        await node.WriteAsync(alignment, memory.AsMemory(1));
        memory.AsSpan().Clear();
        await node.ReadAsync(alignment, memory.AsMemory(1));
        Assert.Equal(pattern, memory[1..]);
        await node.FlushAsync();
        Assert.Equal(pattern, (await File.ReadAllBytesAsync(name))[alignment..(9 * alignment)]);
    }

    [Fact]
    public async Task Aligned_memory_is_not_copied()
    {
        var calls = new FaultyCalls();
        await using FileStorage node = Nodes.Open(_directory.File("f", Nodes.Pattern(1 << 20)), Direct, calls);
        int before = calls.TransferCount;
        using IoBuffer buffer = IoBufferPool.Shared.Rent(1 << 20);
        await node.ReadAsync(0, buffer.Memory);
        Assert.Equal(1, calls.TransferCount - before);
        Assert.Equal(Nodes.Pattern(1 << 20), buffer.Span.ToArray());
    }

    [Fact]
    public async Task Vectors_work_aligned_or_not()
    {
        await using FileStorage node = Nodes.Open(_directory.File("f", Nodes.Pattern(1 << 16)), Direct);
        int alignment = node.Limits.RequestAlignmentBytes;
        using IoBuffer first = IoBufferPool.Shared.Rent(alignment);
        using IoBuffer second = IoBufferPool.Shared.Rent(alignment * 2);
        await node.ReadAsync(0, new IoVector(new[] { first.Memory, second.Memory }));
        Assert.Equal(Nodes.Pattern(1 << 16).AsSpan(0, alignment).ToArray(), first.Span.ToArray());
        Assert.Equal(Nodes.Pattern(1 << 16).AsSpan(alignment, alignment * 2).ToArray(), second.Span.ToArray());

        byte[] odd = new byte[3 * alignment];
        var pieces = new IoVector(new[] { odd.AsMemory(0, 7), odd.AsMemory(7, 100), odd.AsMemory(107) });
        await node.ReadAsync(alignment, pieces);
        Assert.Equal(Nodes.Pattern(1 << 16).AsSpan(alignment, 3 * alignment).ToArray(), odd);
        await node.WriteAsync(0, pieces);
        Assert.Equal(odd, await Nodes.ReadAsync(node, 0, odd.Length));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(700)]
    [InlineData(4097)]
    [InlineData((1 << 20) + 300)]
    public async Task A_file_that_ends_off_the_alignment_is_read_to_its_end(int length)
    {
        byte[] content = Nodes.Pattern(length);
        await using FileStorage node = Nodes.Open(_directory.File("f", content), Direct);
        Assert.Equal(length, node.LengthBytes);
        long alignment = node.Limits.RequestAlignmentBytes;
        int padded = (int)new ByteRange(0, length).AlignOutward(alignment).Length + (int)alignment;
        byte[] back = await Nodes.ReadAsync(node, 0, padded);
        Assert.Equal(content, back[..length]);
        Assert.Equal(new byte[padded - length], back[length..]);
        using IoBuffer buffer = IoBufferPool.Shared.Rent(padded);
        await node.ReadAsync(0, buffer.Memory);
        Assert.Equal(back, buffer.Span.ToArray());
    }

    [Fact]
    public async Task Zeroes_and_growth_with_unmapping_are_aligned_too()
    {
        await using FileStorage node = Nodes.Open(_directory.File("f", Nodes.Pattern(65536)), Direct);
        await node.WriteZeroesAsync(new ByteRange(32768, 65536), RequestFlags.MayUnmap);
        Assert.Equal(98304, node.LengthBytes);
        Assert.Equal(new byte[65536], await Nodes.ReadAsync(node, 32768, 65536));
        await node.TruncateAsync(new TruncateRequest(200_000) { Preallocation = PreallocationMode.Full });
        Assert.Equal(200_000, node.LengthBytes);
        Assert.Equal(Nodes.Pattern(65536).AsSpan(0, 32768).ToArray(), await Nodes.ReadAsync(node, 0, 32768));
    }

    [Fact]
    public async Task Reopening_switches_the_page_cache_off_and_on()
    {
        await using FileStorage node = Nodes.Open(_directory.File("f", Nodes.Pattern(8192)));
        Assert.Equal(1, node.Limits.RequestAlignmentBytes);
        await node.ReopenAsync(new OptionSet(), Direct);
        Assert.True(node.Limits.RequestAlignmentBytes > 1);
        Assert.Equal(Nodes.Pattern(8192), await Nodes.ReadAsync(node, 0, 8192));
        await node.ReopenAsync(new OptionSet(), Nodes.Writable);
        Assert.Equal(1, node.Limits.RequestAlignmentBytes);
    }

    [Fact]
    public async Task Misaligned_requests_are_shaped_above_the_node()
    {
        await using FileStorage node = Nodes.Open(_directory.File("f", Nodes.Pattern(8192)), Direct);
        await node.WriteAsync(1, new byte[] { 9, 8 });
        byte[] expected = Nodes.Pattern(8192);
        expected[1] = 9;
        expected[2] = 8;
        Assert.Equal(expected, await Nodes.ReadAsync(node, 0, 8192));
        Assert.Equal(expected[3..10], await Nodes.ReadAsync(node, 3, 7));
    }

    [Fact]
    public async Task The_end_of_a_file_that_grows_is_moved_ahead_and_back()
    {
        string name = _directory.File("f");
        byte[] block = Nodes.Pattern(4096);
        await using (FileStorage node = Nodes.Open(name, Nodes.Writable | OpenFlags.CacheDirect))
        {
            node.ExpectAppends();
            await node.WriteAsync(4096, block);
            long ahead = new FileInfo(name).Length;
            Assert.True(ahead > 1 << 20);
            Assert.Equal(8192, node.LengthBytes);
            await node.WriteAsync(1 << 20, block);
            await node.WriteZeroesAsync(new ByteRange(2 << 20, 4096));
            Assert.Equal(ahead, new FileInfo(name).Length);
            await node.TruncateAsync(new TruncateRequest(3 << 20));
            Assert.Equal(3 << 20, new FileInfo(name).Length);
            await node.WriteAsync(3 << 20, block);
            Assert.Equal(block, await Nodes.ReadAsync(node, 3 << 20, 4096));
        }

        Assert.Equal((3 << 20) + 4096, new FileInfo(name).Length);
    }

    [Fact]
    public async Task The_end_stays_where_others_may_move_it_or_writes_are_cached()
    {
        foreach (OpenFlags flags in new[] { OpenFlags.None, OpenFlags.CacheDirect | OpenFlags.ForceShare })
        {
            string name = _directory.File("g");
            await using FileStorage node = Nodes.Open(name, Nodes.Writable | flags);
            node.ExpectAppends();
            await node.WriteAsync(0, new byte[4096]);
            Assert.Equal(4096, new FileInfo(name).Length);
        }
    }
}
