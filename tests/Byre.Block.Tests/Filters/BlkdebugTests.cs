using Byre.Block.Errors;
using Byre.Block.Filters;
using Byre.Block.Filters.Blkdebug;
using Byre.Block.Formats;
using Byre.Block.Graph;
using Byre.Block.Requests;
using Byre.Block.Tests.Support;

namespace Byre.Block.Tests.Filters;

public class BlkdebugTests
{
    private const OpenFlags Flags = OpenFlags.ReadWrite | OpenFlags.Unmap;

    private readonly MemoryFiles _files = new();
    private readonly MemoryFile _disk;
    private readonly ImageOpener _opener;

    public BlkdebugTests()
    {
        _disk = _files.Add("disk", new byte[64 << 10]);
        _opener = new ImageOpener(new DriverRegistry(new RawDriver(), _files, new BlkdebugDriver()));
    }

    [Fact]
    public void Every_event_has_its_name()
    {
        Assert.Equal("l2_alloc_cow_read", BlockEventNames.NameOf(BlockEvent.L2AllocCowRead));
        Assert.Equal("pwritev_rmw_after_head", BlockEventNames.NameOf(BlockEvent.PwritevRmwAfterHead));
        Assert.Equal(BlockEvent.RefblockAllocSwitchTable, BlockEventNames.Find("refblock_alloc_switch_table"));
        Assert.Null(BlockEventNames.Find("nothing"));
    }

    [Theory]
    [InlineData("blkdebug::disk", "blkdebug::disk")]
    [InlineData("json:{'driver':'raw','file':{'driver':'blkdebug','image':{'driver':'file','filename':'disk'}}}",
        "blkdebug::disk")]
    [InlineData(
        "json:{'driver':'raw','file':{'driver':'blkdebug','align':512,'image.filename':'disk'}}",
        "json:{\"driver\": \"raw\", \"file\": {\"image\": {\"driver\": \"file\", \"filename\": \"disk\"}, " +
        "\"driver\": \"blkdebug\", \"align\": 512}}")]
    public async Task Is_named_as_the_peer_does(string name, string expected)
    {
        await using BlockNode node = await _opener.OpenAsync(name, Flags, format: "raw");

        Assert.Equal("raw", node.Driver.Name);
        Assert.Equal(expected, node.FileName);
    }

    [Fact]
    public async Task An_error_comes_once_at_its_moment_and_its_sector()
    {
        await using BlockNode node = await OpenAsync(
            "inject-error.0.event=write_aio,inject-error.0.errno=28,inject-error.0.once=on,inject-error.0.sector=2");

        await node.WriteAsync(0, new byte[1024]);
        BlockException failure = await Assert.ThrowsAsync<BlockException>(
            async () => await node.WriteAsync(512, new byte[1024]));
        await node.WriteAsync(512, new byte[1024]);

        Assert.Equal(Errno.NoSpace, failure.Errno);
    }

    [Fact]
    public async Task Rules_follow_the_state()
    {
        await using BlockNode node = await OpenAsync(
            "set-state.0.event=read_aio,set-state.0.state=1,set-state.0.new_state=2,"
            + "inject-error.0.event=write_aio,inject-error.0.state=2,inject-error.0.immediately=on");

        await node.WriteAsync(0, new byte[512]);
        await node.ReadAsync(0, new byte[512]);
        ValueTask write = node.WriteAsync(0, new byte[512]);

        Assert.True(write.IsFaulted);
        await Assert.ThrowsAsync<BlockException>(async () => await write);
    }

    [Fact]
    public async Task Reads_rules_from_a_file()
    {
        string config = Path.GetTempFileName();
        try
        {
            await File.WriteAllTextAsync(
                config,
                "# comment\n[inject-error]\nevent = \"read_aio\"\nerrno = \"5\"\n\n[set-state]\nevent = " +
                "\"write_aio\"\nnew_state = \"3\"\n");
            await using BlockNode node = await _opener.OpenAsync($"blkdebug:{config}:disk", Flags, format: "raw");
            await node.WriteAsync(0, new byte[512]);
            await Assert.ThrowsAsync<BlockException>(async () => await node.ReadAsync(0, new byte[512]));
            Assert.Equal($"blkdebug:{config}:disk", node.FileName);
        }
        finally
        {
            File.Delete(config);
        }
    }

    [Fact]
    public async Task A_flush_fails_only_where_something_was_written()
    {
        await using BlockNode node = await OpenAsync("inject-error.0.event=none,inject-error.0.iotype=flush");

        await node.FlushAsync();
        await node.WriteAsync(0, new byte[1]);
        await Assert.ThrowsAsync<BlockException>(async () => await node.FlushAsync());
    }

    [Fact]
    public async Task Limits_shape_what_reaches_the_image()
    {
        await using BlockNode node = await OpenAsync(
            "align=512,max-transfer=1024,opt-write-zero=2048,max-write-zero=4096,opt-discard=1024");

        await node.WriteAsync(0, new byte[2000]);
        await node.WriteZeroesAsync(new ByteRange(512, 8192), RequestFlags.MayUnmap);
        await node.DiscardAsync(new ByteRange(1, 3000));

        Assert.Equal(
            [
                "write 0+1024", "read 1536+512", "write 1024+1024", "write 512+1024", "write 1536+512",
                "zero 2048+4096 MayUnmap",
                "zero 6144+2048 MayUnmap", "write 8192+512", "discard 512+512", "discard 1024+1024", "discard 2048+512",
            ],
            _disk.Log);
    }

    [Theory]
    [InlineData("align=3", "Cannot meet constraints with align 3")]
    [InlineData("align=512,max-transfer=700", "Cannot meet constraints with max-transfer 700")]
    [InlineData("inject-error.0.errno=5", "Missing event name for rule")]
    [InlineData("inject-error.0.event=foo", "invalid parameter value: foo")]
    [InlineData("config=/nonexistent", "Could not read blkdebug config file: No such file or directory")]
    [InlineData("x=1", "Block protocol 'blkdebug' doesn't support the option 'x'")]
    public async Task Complains_in_the_peers_words(string options, string message) =>
        Assert.Equal(message, (await Assert.ThrowsAsync<BlockException>(async () => await OpenAsync(options))).Message);

    [Fact]
    public async Task A_breakpoint_holds_one_request()
    {
        await using BlockNode node = await OpenAsync("");
        var breakpoints = (IBreakpointNode)node.File!;
        var said = new List<string>();
        breakpoints.Announce = said.Add;
        breakpoints.SetBreakpoint("write_aio", "A");

        Task held = node.WriteAsync(0, new byte[512]).AsTask();
        await node.WriteAsync(512, new byte[512]);
        await breakpoints.WaitForSuspensionAsync("A");
        Assert.True(breakpoints.IsSuspended("A"));
        Assert.Equal(["write 512+512"], _disk.Log);

        breakpoints.Resume("A");
        await held;
        Assert.Equal(["write 512+512", "write 0+512"], _disk.Log);
        Assert.Equal(["blkdebug: Suspended request 'A'", "blkdebug: Resuming request 'A'"], said);
        Assert.Throws<BlockException>(() => breakpoints.Resume("A"));
        Assert.Throws<BlockException>(() => breakpoints.RemoveBreakpoint("A"));
    }

    [Fact]
    public async Task Only_requests_to_the_node_itself_are_its_moments()
    {
        await using BlockNode node = await OpenAsync("align=4096");
        var breakpoints = (IBreakpointNode)node.File!;
        breakpoints.SetBreakpoint("pwritev", "A");

        // Held where it has its block already; not in the format above, where nothing keeps the other one out.
        Task held = node.WriteAsync(0, new byte[512]).AsTask();
        await breakpoints.WaitForSuspensionAsync("A");
        Task other = node.WriteAsync(0, new byte[1024]).AsTask();
        Assert.False(other.IsCompleted);

        breakpoints.Resume("A");
        await held;
        await other;
        Assert.Equal(["read 0+4096", "write 0+4096", "read 0+4096", "write 0+4096"], _disk.Log);
    }

    private ValueTask<BlockNode> OpenAsync(string options)
    {
        var all = new OptionSet { ["driver"] = "raw", ["file.driver"] = "blkdebug", ["file.image.filename"] = "disk" };
        OptionSet own = OptionText.Parse(options);
        foreach (string key in own.Keys)
            all["file." + key] = own[key];
        return _opener.OpenAsync(null, Flags, all);
    }
}
