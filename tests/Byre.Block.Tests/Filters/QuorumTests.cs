using Byre.Block.Errors;
using Byre.Block.Filters.Quorum;
using Byre.Block.Formats;
using Byre.Block.Graph;
using Byre.Block.Tests.Support;

namespace Byre.Block.Tests.Filters;

public class QuorumTests
{
    private readonly MemoryFiles _files = new();
    private readonly MemoryFile[] _copies;
    private readonly ImageOpener _opener;

    public QuorumTests()
    {
        _copies = new[] { "a", "b", "c" }.Select(name => _files.Add(name, new byte[4096])).ToArray();
        _opener = new ImageOpener(new DriverRegistry(new RawDriver(), _files, new QuorumDriver()));
    }

    [Fact]
    public async Task The_majority_is_read_and_the_minority_corrected()
    {
        await using BlockNode node = await OpenAsync("vote-threshold=2,rewrite-corrupted=on");
        await node.WriteAsync(0, new byte[] { 7 });
        _copies[1].Content[0] = 8;

        byte[] read = new byte[1];
        await node.ReadAsync(0, read);

        Assert.Equal(7, read[0]);
        Assert.All(_copies, copy => Assert.Equal(7, copy.Content[0]));
    }

    [Fact]
    public async Task No_majority_is_an_error()
    {
        await using BlockNode node = await OpenAsync("vote-threshold=2");
        for (int i = 0; i < 3; i++)
            _copies[i].Content[0] = (byte)i;

        await Assert.ThrowsAsync<BlockException>(async () => await node.ReadAsync(0, new byte[1]));
    }

    [Fact]
    public async Task A_failing_child_is_outvoted()
    {
        await using BlockNode node = await OpenAsync("vote-threshold=2");
        _copies[2].Before = _ => throw BlockException.FromErrno(Errno.InputOutput);
        await node.WriteAsync(0, new byte[512]);
        await node.ReadAsync(0, new byte[512]);

        _copies[1].Before = _copies[2].Before;
        await Assert.ThrowsAsync<BlockException>(async () => await node.WriteAsync(0, new byte[512]));
        _copies[1].Before = _copies[2].Before = null;
    }

    [Theory]
    [InlineData("vote-threshold=4", "threshold may not exceed children count")]
    [InlineData("read-pattern=x,vote-threshold=1", "Please set read-pattern as fifo or quorum")]
    [InlineData("blkverify=on,vote-threshold=2",
        "blkverify=on can only be set if there are exactly two files and vote-threshold is 2")]
    public async Task Complains_in_the_peers_words(string options, string message) =>
        Assert.Equal(message, (await Assert.ThrowsAsync<BlockException>(async () => await OpenAsync(options))).Message);

    private ValueTask<BlockNode> OpenAsync(string options) => _opener.OpenAsync(
        null,
        OpenFlags.ReadWrite,
        OptionText.Parse("driver=quorum,children.0.filename=a,children.1.filename=b,children.2.driver=raw,"
            + "children.2.file.filename=c,children.0.driver=file,children.1.driver=file," + options));
}
