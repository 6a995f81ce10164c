using Byre.Block.Errors;
using Byre.Block.Formats;
using Byre.Block.Graph;
using Byre.Storage.Drivers;
using Byre.Storage.Files;
using Byre.Storage.Null;
using Byre.Storage.Tests.Support;

namespace Byre.Storage.Tests;

/// <summary>Locks of files opened with a format above them, through the opener.</summary>
public sealed class OpenerLockTests : IDisposable
{
    private readonly TempDirectory _directory = new();
    private readonly ImageOpener _opener =
        new(new DriverRegistry(new RawDriver(), new FileDriver(), new HostDeviceDriver(), NullDriver.Coroutine));

    public void Dispose() => _directory.Dispose();

    [Theory]
    [InlineData(OpenFlags.ReadWrite, null, "100 101")]
    [InlineData(OpenFlags.None, null, "100")]
    [InlineData(OpenFlags.ReadWrite | OpenFlags.Resize, null, "100 101 103")]
    [InlineData(OpenFlags.ReadWrite, "size", "100 101 103 203")]
    [InlineData(OpenFlags.ForceShare, null, "100")]
    [InlineData(OpenFlags.NoShare, null, "100 201 203")]
    public async Task Raw_images(OpenFlags flags, string? windowOption, string locks)
    {
        string name = _directory.File("f", Nodes.Pattern(1024));
        OptionSet options = new();
        if (windowOption is not null)
            options[windowOption] = "512";
        await using BlockNode node = await _opener.OpenAsync(name, flags, options, "raw");
        Assert.Equal(locks, LockTable.BytesOf(name));
    }

    [Fact]
    public async Task A_file_alone()
    {
        string name = _directory.File("f", Nodes.Pattern(1024));
        await using (await _opener.OpenAsync(name, OpenFlags.ReadWrite, format: "file"))
            Assert.Equal("100 101", LockTable.BytesOf(name));
        Assert.Equal("", LockTable.BytesOf(name));
    }

    [Fact]
    public async Task A_refusal_closes_the_file()
    {
        string name = _directory.File("f", Nodes.Pattern(1024));
        await using FileStorage holder = Nodes.Open(name);
        var e = await Assert.ThrowsAsync<BlockException>(
            () => _opener.OpenAsync(name, OpenFlags.ReadWrite, format: "raw").AsTask());
        Assert.Equal("Failed to get \"write\" lock", e.Message);
        Assert.Contains($"(process {Environment.ProcessId})", e.Hint, StringComparison.Ordinal);
        Assert.Equal("100 101 103 201 203", LockTable.BytesOf(name));
    }

    [Fact]
    public async Task A_node_lent_to_a_second_user_keeps_the_locks_of_the_first()
    {
        string name = _directory.File("f", Nodes.Pattern(1024));
        var options = new OptionSet { ["driver"] = "file", ["filename"] = name, ["node-name"] = "lender" };
        await using BlockNode lender = await _opener.OpenAsync(null, OpenFlags.ReadWrite | OpenFlags.NoShare, options);
        Assert.Equal("100 101 201 203", LockTable.BytesOf(name));
        options = new OptionSet { ["driver"] = "raw", ["file"] = "lender" };
        await using (await _opener.OpenAsync(null, OpenFlags.Resize, options))
            Assert.Equal("100 101 103 201 203", LockTable.BytesOf(name));
    }

    [Fact]
    public async Task Null_devices_have_a_plain_name_unless_they_differ()
    {
        await using BlockNode plain = await _opener.OpenAsync("null-co://", OpenFlags.ReadWrite, format: "raw");
        Assert.Equal("null-co://", plain.FileName);
        var options = new OptionSet { ["driver"] = "null-co", ["size"] = "4096" };
        await using BlockNode sized = await _opener.OpenAsync(null, OpenFlags.ReadWrite, options);
        Assert.StartsWith("json:{", sized.FileName, StringComparison.Ordinal);
        Assert.Equal(4096, sized.LengthBytes);
    }
}
