using Byre.Block.Errors;
using Byre.Block.Graph;
using Byre.Block.Requests;
using Byre.Storage.Drivers;
using Byre.Storage.Files;
using Byre.Storage.Interop;
using Byre.Storage.Tests.Support;

namespace Byre.Storage.Tests;

/// <summary>Byre and the peer's programs exclude each other from an image, in both directions.</summary>
public sealed class ImageLockTests : IDisposable
{
    private const ChildRole FormatFile = ChildRole.Data | ChildRole.Metadata;

    private readonly TempDirectory _directory = new();
    private readonly string _image;

    public ImageLockTests()
    {
        _image = _directory["t.qcow2"];
        if (Tools.Exists("qemu-img"))
            Assert.Equal(0, Tools.Run("qemu-img", "create", "-q", "-f", "qcow2", _image, "1M").ExitCode);
    }

    public void Dispose() => _directory.Dispose();

    [PeerFact]
    public async Task A_writer_keeps_writers_and_readers_out()
    {
        await using (BlockNode node = await OpenAsync(Nodes.Writable))
        {
            string question = $"Is another process using the image [{_image}]?";
            string output = Tools.Run("qemu-io", "-c", "length", _image).Output;
            Assert.Contains("Failed to get \"write\" lock", output, StringComparison.Ordinal);
            Assert.Contains(question, output, StringComparison.Ordinal);
            output = Tools.Run("qemu-io", "-r", "-c", "length", _image).Output;
            Assert.Contains("Failed to get shared \"write\" lock", output, StringComparison.Ordinal);
            Assert.Equal(0, Tools.Run("qemu-io", "-r", "-U", "-c", "length", _image).ExitCode);
        }

        Assert.Equal(0, Tools.Run("qemu-io", "-c", "write 0 512", _image).ExitCode);
    }

    [PeerFact]
    public async Task A_reader_keeps_writers_out_and_lets_readers_in()
    {
        await using BlockNode node = await OpenAsync(OpenFlags.None);
        string output = Tools.Run("qemu-io", "-c", "length", _image).Output;
        Assert.Contains("Failed to get \"write\" lock", output, StringComparison.Ordinal);
        Assert.Equal(0, Tools.Run("qemu-io", "-r", "-c", "length", _image).ExitCode);
        await using BlockNode second = await OpenAsync(OpenFlags.None);
    }

    [PeerFact]
    public async Task A_writing_peer_keeps_us_out_and_is_named()
    {
        using var holder = new ImageHolder(_image);
        BlockException e = await Assert.ThrowsAsync<BlockException>(() => OpenAsync(Nodes.Writable).AsTask());
        Assert.Equal("Failed to get \"write\" lock", e.Message);
        Assert.Equal(BlockErrorKind.Locked, e.Kind);
        Assert.Equal(
            $"Is another process using the image [{_image}]?\nIt is locked by qemu-io (process {holder.Id}).\n",
            e.Hint);
        e = await Assert.ThrowsAsync<BlockException>(() => OpenAsync(OpenFlags.None).AsTask());
        Assert.Equal("Failed to get shared \"write\" lock", e.Message);
        await using BlockNode forced = await OpenAsync(OpenFlags.ForceShare);
    }

    [PeerFact]
    public async Task A_reading_peer_keeps_our_writers_out_only()
    {
        using var holder = new ImageHolder("-r", _image);
        BlockException e = await Assert.ThrowsAsync<BlockException>(() => OpenAsync(Nodes.Writable).AsTask());
        Assert.Equal("Failed to get \"write\" lock", e.Message);
        await using BlockNode reader = await OpenAsync(OpenFlags.None);
    }

    [PeerFact]
    public async Task Locking_off_takes_no_part()
    {
        using var holder = new ImageHolder(_image);
        var options = new OptionSet { ["filename"] = _image, ["locking"] = "off" };
        await using BlockNode node = await Nodes.OpenAsync(new FileDriver(), Nodes.Request(_image, options: options));
    }

    [Fact]
    public async Task The_lock_bytes_are_those_of_the_peer()
    {
        Assert.Equal("100 101 103 201 203", await LockBytesAsync(Nodes.Writable, FormatFile));
        Assert.Equal("100 201 203", await LockBytesAsync(OpenFlags.None, FormatFile));
        Assert.Equal("100 101", await LockBytesAsync(Nodes.Writable, ChildRole.Filtered));
        Assert.Equal("100", await LockBytesAsync(OpenFlags.None, ChildRole.Filtered));
        Assert.Equal("100", await LockBytesAsync(OpenFlags.ForceShare, FormatFile));
        Assert.Equal("201 203", await LockBytesAsync(OpenFlags.NoDataIo, FormatFile));
        Assert.Equal("100 101 103 201 203", await LockBytesAsync(Nodes.Writable, role: null));
    }

    [Fact]
    public async Task Reopening_changes_the_locks()
    {
        string name = _directory.File("r", 1, 2, 3);
        await using BlockNode node = await Nodes.OpenAsync(new FileDriver(), Nodes.Request(name));
        await node.ReopenAsync(new OptionSet(), OpenFlags.None);
        Assert.True(node.IsReadOnly);
        Assert.Equal("100 201 203", LockTable.BytesOf(name));
        await node.ReopenAsync(new OptionSet(), Nodes.Writable);
        Assert.False(node.IsReadOnly);
        Assert.Equal("100 101 103 201 203", LockTable.BytesOf(name));
        await node.WriteAsync(0, new byte[] { 9 });
        Assert.Equal([9, 2, 3], await Nodes.ReadAsync(node, 0, 3));
    }

    [Fact]
    public async Task A_refused_reopen_leaves_everything_as_it_was()
    {
        string name = _directory.File("r", 1, 2, 3);
        OpenRequest request = Nodes.Request(name, OpenFlags.None);
        await using BlockNode node = await Nodes.OpenAsync(new FileDriver(), request);
        await using BlockNode other = await Nodes.OpenAsync(new FileDriver(), Nodes.Request(name, OpenFlags.None));
        BlockException e = await Assert.ThrowsAsync<BlockException>(
            () => node.ReopenAsync(new OptionSet(), Nodes.Writable).AsTask());
        Assert.Equal(BlockErrorKind.Locked, e.Kind);
        Assert.True(node.IsReadOnly);
        Assert.Equal([1, 2, 3], await Nodes.ReadAsync(node, 0, 3));
        await using BlockNode third = await Nodes.OpenAsync(new FileDriver(), Nodes.Request(name, OpenFlags.None));
    }

    [Fact]
    public async Task Creating_over_a_file_in_use_is_refused_before_it_is_emptied()
    {
        string name = _directory.File("r", 1, 2, 3);
        await using BlockNode node = await Nodes.OpenAsync(new FileDriver(), Nodes.Request(name));
        var options = new OptionSet { ["size"] = "1M" };
        var request = new CreateRequest { FileName = name, Options = options, Creator = null! };
        BlockException e = await Assert.ThrowsAsync<BlockException>(
            () => new FileDriver().CreateAsync(request, CancellationToken.None).AsTask());
        Assert.Equal("Failed to get \"write\" lock", e.Message);
        Assert.Equal([1, 2, 3], await File.ReadAllBytesAsync(name));
    }

    [Fact]
    public async Task Locks_are_released_and_not_left_to_the_last_copy_of_the_descriptor()
    {
        // Another thread that starts a process copies the descriptor for a moment.
        var calls = new FaultyCalls();
        FileStorage node = Nodes.Open(_directory.File("r", 1, 2, 3), calls: calls);
        Assert.Empty(calls.Unlocked);
        await node.DisposeAsync();
        Assert.Equal([ByteRange.FromEnd(100, 204)], calls.Unlocked);
    }

    [Fact]
    public void A_file_system_without_locks_is_named_as_the_cause()
    {
        const int noLocks = 37;
        string name = _directory.File("r", 1, 2, 3);
        var e = Assert.Throws<BlockException>(() => Nodes.Open(name, calls: new NoLockCalls(noLocks)));
        Assert.Equal("Failed to lock byte 100: No locks available", e.Message);
        Assert.Equal(noLocks, e.Errno);
    }

    private ValueTask<BlockNode> OpenAsync(OpenFlags flags) =>
        Nodes.OpenAsync(new FileDriver(), Nodes.Request(_image, flags, FormatFile));

    private async Task<string> LockBytesAsync(OpenFlags flags, ChildRole? role)
    {
        string name = _directory.File("locks", 1);
        await using BlockNode node = await Nodes.OpenAsync(new FileDriver(), Nodes.Request(name, flags, role));
        return LockTable.BytesOf(name);
    }

    private sealed class NoLockCalls(int errno) : SystemCalls
    {
        public override int SetLock(int fd, LockType type, int offset) => -errno;
    }
}
