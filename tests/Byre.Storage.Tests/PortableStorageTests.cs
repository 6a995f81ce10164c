using Byre.Block.Buffers;
using Byre.Block.Errors;
using Byre.Block.Graph;
using Byre.Block.Requests;
using Byre.Storage.Drivers;
using Byre.Storage.Portable;
using Byre.Storage.Tests.Support;

namespace Byre.Storage.Tests;

/// <summary>The implementation for other systems, through the interface of nodes, here.</summary>
public sealed class PortableStorageTests : IDisposable
{
    private readonly TempDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public async Task It_reads_writes_grows_and_shrinks()
    {
        string name = _directory["f"];
        PortableStorage.Create(name, 1024, PreallocationMode.Full);
        await using (PortableStorage node = Open(name))
        {
            byte[] pattern = Nodes.Pattern(5000);
            await node.WriteAsync(500, new IoVector(new[] { pattern.AsMemory(0, 100), pattern.AsMemory(100) }));
            Assert.Equal(5500, node.LengthBytes);
            byte[] back = await Nodes.ReadAsync(node, 500, 6000);
            Assert.Equal(pattern, back[..5000]);
            Assert.Equal(new byte[1000], back[5000..]);
            await node.FlushAsync();
            await node.TruncateAsync(new TruncateRequest(700));
            await node.TruncateAsync(new TruncateRequest(2000) { Preallocation = PreallocationMode.Falloc });
            Assert.Equal(new byte[1300], await Nodes.ReadAsync(node, 700, 1300));
        }

        Assert.Equal(2000, new FileInfo(name).Length);
    }

    [Fact]
    public async Task Everything_is_data_up_to_the_end()
    {
        await using PortableStorage node = Open(_directory.SparseFile("f", 102_400));
        BlockExtent data = await node.GetStatusAsync(new ByteRange(0, 200_000));
        Assert.True(data.Has(BlockStatus.Data | BlockStatus.EndOfFile));
        Assert.Equal(102_400, data.Length);
    }

    [Fact]
    public async Task Zeroes_are_left_to_the_caller()
    {
        await using PortableStorage node = Open(_directory.File("f", 1, 2, 3));
        Assert.False(node.CanWriteZeroes);
        await node.WriteZeroesAsync(new ByteRange(0, 2));
        Assert.Equal([0, 0, 3], await Nodes.ReadAsync(node, 0, 3));
        await node.DiscardAsync(new ByteRange(2, 1));
        Assert.Equal([3], await Nodes.ReadAsync(node, 2, 1));
    }

    [Fact]
    public void What_is_missing_or_unsupported_is_said()
    {
        string name = _directory["x"];
        Assert.Equal(
            $"Could not open '{name}': No such file or directory",
            Assert.Throws<BlockException>(() => Open(name)).Message);
        name = _directory.File("f");
        Assert.Equal(
            $"Could not open '{name}': filesystem does not support O_DIRECT",
            Assert.Throws<BlockException>(() => Open(name, Nodes.Writable | OpenFlags.CacheDirect)).Message);
        name = _directory["no/such"];
        Assert.Equal(
            $"Could not create '{name}': No such file or directory",
            Assert.Throws<BlockException>(() => PortableStorage.Create(name, 0, PreallocationMode.Off)).Message);
    }

    [Fact]
    public async Task A_read_only_node_refuses_changes()
    {
        await using PortableStorage node = Open(_directory.File("f", 1), OpenFlags.None);
        var e = await Assert.ThrowsAsync<BlockException>(async () => await node.WriteAsync(0, new byte[1]));
        Assert.Equal(Errno.OperationNotPermitted, e.Errno);
    }

    private static PortableStorage Open(string name, OpenFlags flags = Nodes.Writable) =>
        PortableStorage.Open(new FileDriver(), name, flags);
}
