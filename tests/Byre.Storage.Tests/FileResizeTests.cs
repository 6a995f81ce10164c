using Byre.Block.Errors;
using Byre.Block.Graph;
using Byre.Block.Requests;
using Byre.Storage.Drivers;
using Byre.Storage.Files;
using Byre.Storage.Interop;
using Byre.Storage.Tests.Support;

namespace Byre.Storage.Tests;

public sealed class FileResizeTests : IDisposable
{
    private readonly TempDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Theory]
    [InlineData(PreallocationMode.Off, false)]
    [InlineData(PreallocationMode.Falloc, true)]
    [InlineData(PreallocationMode.Full, true)]
    public async Task Growth_reads_as_zeroes_and_is_allocated_as_asked(PreallocationMode mode, bool isAllocated)
    {
        string name = _directory.File("f", Nodes.Pattern(1000));
        await using FileStorage node = Nodes.Open(name);
        await node.TruncateAsync(new TruncateRequest(3_000_000) { Preallocation = mode });
        Assert.Equal(3_000_000, node.LengthBytes);
        byte[] expected = new byte[3_000_000];
        Nodes.Pattern(1000).CopyTo(expected, 0);
        Assert.Equal(expected, await Nodes.ReadAsync(node, 0, expected.Length));
        Assert.Equal(isAllocated, await node.GetAllocatedBytesAsync() >= 2_900_000);
    }

    [Fact]
    public async Task Without_fallocate_zeroes_are_written()
    {
        var calls = new FaultyCalls { Unsupported = { AllocateMode.Default } };
        await using FileStorage node = Nodes.Open(_directory.File("f", 7), calls: calls);
        await node.TruncateAsync(new TruncateRequest(500_000) { Preallocation = PreallocationMode.Falloc });
        Assert.Equal(500_000, node.LengthBytes);
        Assert.True(await node.GetAllocatedBytesAsync() >= 490_000);
        Assert.Equal([7, 0], await Nodes.ReadAsync(node, 0, 2));
    }

    [Fact]
    public async Task Shrinking_cuts_off_and_growing_again_shows_zeroes()
    {
        await using FileStorage node = Nodes.Open(_directory.File("f", Nodes.Pattern(10_000)));
        await node.TruncateAsync(new TruncateRequest(100));
        Assert.Equal(100, node.LengthBytes);
        await node.TruncateAsync(new TruncateRequest(200));
        Assert.Equal(new byte[100], await Nodes.ReadAsync(node, 100, 100));
    }

    [Theory]
    [InlineData(PreallocationMode.Falloc, 10, "Cannot use preallocation for shrinking files")]
    [InlineData(PreallocationMode.Metadata, 1000, "Unsupported preallocation mode: metadata")]
    public async Task What_cannot_be_done_is_said(PreallocationMode mode, long length, string text)
    {
        await using FileStorage node = Nodes.Open(_directory.File("f", Nodes.Pattern(100)));
        var e = await Assert.ThrowsAsync<BlockException>(
            async () => await node.TruncateAsync(new TruncateRequest(length) { Preallocation = mode }));
        Assert.Equal(text, e.Message);
        Assert.Equal(100, node.LengthBytes);
    }

    [Fact]
    public async Task A_length_that_the_file_system_refuses_leaves_the_old_one()
    {
        string name = _directory.File("f", Nodes.Pattern(100));
        await using FileStorage node = Nodes.Open(name);
        var e = await Assert.ThrowsAsync<BlockException>(
            async () => await node.TruncateAsync(new TruncateRequest(long.MaxValue)));
        Assert.StartsWith("Could not resize file: ", e.Message, StringComparison.Ordinal);
        Assert.Equal(100, new FileInfo(name).Length);
        Assert.Equal(100, node.LengthBytes);
    }

    [Fact]
    public async Task Created_files_have_whole_sectors_and_a_first_block()
    {
        string name = _directory["new"];
        await CreateAsync("file:" + name, ("size", "1000000"), ("extent_size_hint", "1M"), ("nocow", "off"));
        Assert.Equal(1_000_448, new FileInfo(name).Length);
        await using FileStorage node = Nodes.Open(name);
        Assert.Equal(4096, await node.GetAllocatedBytesAsync());
        BlockExtent first = await node.GetStatusAsync(new ByteRange(0, node.LengthBytes));
        Assert.True(first.Has(BlockStatus.Data));
        Assert.Equal(4096, first.Length);
    }

    [Fact]
    public async Task Creating_empties_what_was_there()
    {
        string name = _directory.File("old", Nodes.Pattern(100_000));
        await CreateAsync(name, ("size", "512"), ("preallocation", "full"));
        Assert.Equal(new byte[512], await File.ReadAllBytesAsync(name));
    }

    [Theory]
    [InlineData("preallocation", "foo", "invalid parameter value: foo")]
    [InlineData("preallocation", "metadata", "Unsupported preallocation mode: metadata")]
    [InlineData("extent_size_hint", "5G", "Extent size hint is too large")]
    public async Task Wrong_creation_options_are_refused(string key, string value, string text)
    {
        var e = await Assert.ThrowsAsync<BlockException>(
            () => CreateAsync(_directory["x"], ("size", "1M"), (key, value)));
        Assert.Equal(text, e.Message);
    }

    [Fact]
    public async Task A_place_that_does_not_exist_is_named()
    {
        string name = _directory["no/such"];
        var e = await Assert.ThrowsAsync<BlockException>(() => CreateAsync(name, ("size", "1M")));
        Assert.Equal($"Could not create '{name}': No such file or directory", e.Message);
    }

    [Fact]
    public void The_options_are_the_peers()
    {
        Assert.Equal(
            ["extent_size_hint", "nocow", "preallocation", "size"],
            new FileDriver().CreateOptions.Select(o => o.Name).Order(StringComparer.Ordinal));
        Assert.Equal(
            "Preallocation mode (allowed values: off, falloc, full)",
            new FileDriver().CreateOptions.Single(o => o.Name == "preallocation").Help);
    }

    private static Task CreateAsync(string name, params (string Key, string Value)[] options)
    {
        var set = new OptionSet();
        foreach ((string key, string value) in options)
            set[key] = value;
        var request = new CreateRequest { FileName = name, Options = set, Creator = null! };
        return new FileDriver().CreateAsync(request, CancellationToken.None).AsTask();
    }
}
