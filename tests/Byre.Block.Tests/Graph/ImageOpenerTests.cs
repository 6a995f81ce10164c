using System.Text;
using Byre.Block.Errors;
using Byre.Block.Formats;
using Byre.Block.Graph;
using Byre.Block.Tests.Support;

namespace Byre.Block.Tests.Graph;

public class ImageOpenerTests
{
    private readonly MemoryFiles _files = new();
    private readonly ImageOpener _opener;

    public ImageOpenerTests() =>
        _opener = new ImageOpener(new DriverRegistry(new RawDriver(), _files, new StackDriver()))
        {
            ImplicitOpens = ImplicitOpenPolicy.AllowAll,
            ProbesWritable = true,
        };

    [Fact]
    public async Task Probes_raw_and_names_the_node_plainly()
    {
        _files.Add("dir/disk", new byte[1000]);

        await using BlockNode node = await _opener.OpenAsync("dir/disk", OpenFlags.ReadWrite);

        Assert.Equal("raw", node.Driver.Name);
        Assert.Equal("dir/disk", node.FileName);
        Assert.Equal("dir/disk", node.ExactFileName);
        Assert.Equal(1024, node.LengthBytes);
        Assert.Equal("file", node.File!.Driver.Name);
        Assert.False(node.File.IsReadOnly);
    }

    [Theory]
    [InlineData("file:image:x", "./image:x")]
    [InlineData("./image:x", "./image:x")]
    [InlineData("json:{'driver':'raw','file':{'filename':'./image:x'}}", "./image:x")]
    [InlineData(
        "json:{'driver':'raw','offset':512,'file.filename':'./image:x'}",
        "json:{\"offset\": 512, \"driver\": \"raw\", \"file\": {\"driver\": \"file\", \"filename\": \"./image:x\"}}")]
    public async Task Names_nodes(string name, string expected)
    {
        _files.Add("./image:x", new byte[1024]);

        await using BlockNode node = await _opener.OpenAsync(name, OpenFlags.None);

        Assert.Equal(expected, node.FileName);
    }

    [Theory]
    [InlineData("nope:x", null, "Unknown protocol 'nope'")]
    [InlineData("missing", null, "Could not open 'missing': No such file or directory")]
    [InlineData("disk", "driver=foo", "Unknown driver 'foo'")]
    [InlineData("disk", "foo=xx,bar=1,baz=2", "Block format 'raw' does not support the option 'bar'")]
    [InlineData("disk", "file.foo=xx", "Block protocol 'file' doesn't support the option 'foo'")]
    [InlineData("disk", "driver=raw,backing.driver=raw", "Driver doesn't support backing files")]
    [InlineData(
        "disk", "driver=file,file.read-only=on", "Block protocol 'file' doesn't support the option 'file.read-only'")]
    [InlineData("disk", "file.read-only=on", "Block node is read-only")]
    [InlineData("disk", "force-share=on", "force-share=on can only be used with read-only images")]
    [InlineData("disk", "read-only=maybe", "Parameter 'read-only' expects 'on' or 'off'")]
    [InlineData("disk", "discard=maybe", "Invalid discard option")]
    [InlineData("disk", "node-name=1", "Invalid node-name: '1'")]
    [InlineData("disk", "detect-zeroes=foo", "invalid parameter value: foo")]
    [InlineData(
        "disk",
        "detect-zeroes=unmap",
        "setting detect-zeroes to unmap is not allowed without setting discard operation to unmap")]
    [InlineData("disk", "driver=file,filename=x", "Can't specify 'file' and 'filename' options at the same time")]
    [InlineData(null, "driver=raw", "A block device must be specified for \"file\"")]
    [InlineData(null, "discard=on", "Must specify either driver or file")]
    [InlineData(null, "driver=raw,file=xx", "Cannot find device='xx' nor node-name='xx'")]
    public async Task Complains_in_the_peers_words(string? name, string? options, string message)
    {
        _files.Add("disk", new byte[512]);

        ValueTask<BlockNode> Open() => _opener.OpenAsync(name, OpenFlags.ReadWrite, OptionText.Parse(options ?? ""));

        Assert.Equal(message, (await Assert.ThrowsAsync<BlockException>(async () => await Open())).Message);
    }

    [Fact]
    public async Task Given_options_win_over_those_in_a_json_name()
    {
        _files.Add("disk", Encoding.ASCII.GetBytes("STACK"));

        await using BlockNode node = await _opener.OpenAsync(
            "json:{'driver':'raw','file.filename':'disk'}", OpenFlags.None, format: "stack");

        Assert.Equal("stack", node.Driver.Name);
    }

    [Fact]
    public async Task Opens_a_chain_relative_to_the_overlay()
    {
        AddStack("/d/top", "mid", "stack");
        AddStack("/d/mid", "sub/base", "");
        _files.Add("/d/sub/base", new byte[512]);

        await using BlockNode top = await _opener.OpenAsync("/d/top", OpenFlags.ReadWrite);

        BlockNode mid = top.Backing!;
        Assert.Equal("/d/top", top.FileName);
        Assert.Equal("/d/mid", mid.FileName);
        Assert.Equal("/d/sub/base", mid.Backing!.FileName);
        Assert.Equal("raw", mid.Backing.Driver.Name);
        Assert.False(top.IsReadOnly);
        Assert.True(mid.IsReadOnly);
        Assert.True(mid.File!.IsReadOnly);
    }

    [Fact]
    public async Task Backing_null_suppresses_the_backing_file_and_shows_in_the_name()
    {
        AddStack("top", "base", "raw");
        _files.Add("base", new byte[512]);

        await using BlockNode top = await _opener.OpenAsync(
            "json:{'driver':'stack','file':{'driver':'file','filename':'top'},'backing':null}", OpenFlags.None);

        Assert.Null(top.Backing);
        Assert.Equal(
            "json:{\"backing\": null, \"driver\": \"stack\", \"file\": {\"driver\": \"file\", \"filename\": \"top\"}}",
            top.FileName);
    }

    [Theory]
    [InlineData("gone", "raw", "Could not open backing file: Could not open 'gone': No such file or directory")]
    [InlineData("base", "foo", "Could not open backing file: Unknown driver 'foo'")]
    [InlineData("top", "stack", "Could not open backing file: Backing file 'top' creates an infinite loop.")]
    public async Task Backing_failures_close_everything(string backing, string format, string message)
    {
        AddStack("top", backing, format);
        _files.Add("base", new byte[512]);

        BlockException failure = await Assert.ThrowsAsync<BlockException>(
            async () => await _opener.OpenAsync("top", OpenFlags.None));

        Assert.Equal(message, failure.Message);
    }

    [Fact]
    public async Task Options_override_the_backing_format()
    {
        AddStack("top", "base", "nonsense");
        _files.Add("base", new byte[512]);

        await using BlockNode top = await _opener.OpenAsync(
            "top", OpenFlags.None, OptionText.Parse("backing.driver=raw"));

        Assert.Equal("raw", top.Backing!.Driver.Name);
    }

    [Fact]
    public async Task By_default_files_that_images_name_are_refused()
    {
        AddStack("top", "base", "raw");
        _files.Add("base", new byte[512]);
        var strict = new ImageOpener(_opener.Registry);

        await Assert.ThrowsAsync<BlockException>(async () => await strict.OpenAsync("top", OpenFlags.None));
        await using BlockNode explicitly = await strict.OpenAsync(
            "top", OpenFlags.None, OptionText.Parse("backing.driver=raw,backing.file.filename=base"));

        Assert.Equal("base", explicitly.Backing!.FileName);
    }

    [Fact]
    public async Task Probed_raw_is_warned_of_where_asked()
    {
        _files.Add("disk", new byte[512]);
        var warnings = new List<string>();
        var opener = new ImageOpener(_opener.Registry) { WarnOfProbedRaw = warnings.Add, ProbesWritable = true };

        await (await opener.OpenAsync("disk", OpenFlags.None)).DisposeAsync();
        await (await opener.OpenAsync("disk", OpenFlags.ReadWrite, format: "raw")).DisposeAsync();
        Assert.Empty(warnings);
        await (await opener.OpenAsync("disk", OpenFlags.ReadWrite)).DisposeAsync();
        Assert.Contains("probing guessed raw.\n", Assert.Single(warnings), StringComparison.Ordinal);
    }

    private void AddStack(string name, string backing, string format) =>
        _files.Add(name, Encoding.ASCII.GetBytes($"STACK|{backing}|{format}"));
}
