using Byre.Block.Errors;
using Byre.Block.Graph;
using Byre.Storage.Drivers;
using Byre.Storage.Files;
using Byre.Storage.Interop;
using Byre.Storage.Tests.Support;

namespace Byre.Storage.Tests;

/// <summary>What is said when a file cannot be opened, in the peer's words.</summary>
public sealed class OpenErrorTests : IDisposable
{
    private readonly TempDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public async Task A_missing_file()
    {
        string name = _directory["x"];
        Assert.Equal($"Could not open '{name}': No such file or directory", await FailAsync("file", name));
    }

    [Theory]
    [InlineData("file", "to be a regular file")]
    [InlineData("host_device", "to be either a character or block device")]
    [InlineData("host_cdrom", "to be either a character or block device")]
    public async Task A_directory(string driver, string requirement)
    {
        string name = _directory.FullName;
        Assert.Equal($"Could not open '{name}': Is a directory", await FailAsync(driver, name));
        Assert.Equal(
            $"'{driver}' driver requires '{name}' {requirement}", await FailAsync(driver, name, OpenFlags.None));
    }

    [Fact]
    public async Task A_device_is_no_file_and_a_file_is_no_device()
    {
        Assert.Equal("'file' driver requires '/dev/null' to be a regular file", await FailAsync("file", "/dev/null"));
        string name = _directory.File("f");
        Assert.Equal(
            $"'host_device' driver requires '{name}' to be either a character or block device",
            await FailAsync("host_device", name));
        var options = new OptionSet { ["filename"] = "/dev/null", ["locking"] = "off" };
        await using BlockNode node = await Nodes.OpenAsync(new HostDeviceDriver(), Nodes.Request("", options: options));
        Assert.Equal(0, node.LengthBytes);
    }

    [Theory]
    [InlineData("aio", "native", "aio=native was specified, but it requires cache.direct=on, which was not specified.")]
    [InlineData("aio", "foo", "invalid parameter value: foo")]
    [InlineData("locking", "foo", "invalid parameter value: foo")]
    [InlineData("pr-manager", "foo", "No persistent reservation manager with id 'foo'")]
    [InlineData("drop-cache", "foo", "Parameter 'drop-cache' expects 'on' or 'off'")]
    [InlineData("aio-max-batch", "foo", "Parameter 'aio-max-batch' expects a number")]
    [InlineData("filename", "", "The 'file' block driver requires a file name")]
    public async Task Wrong_options(string key, string value, string text)
    {
        var options = new OptionSet { ["filename"] = _directory.File("f") };
        options[key] = value;
        Assert.Equal(text, await FailAsync("file", "", options: options));
    }

    [Fact]
    public async Task Good_options_are_all_taken()
    {
        var options = new OptionSet
        {
            ["filename"] = _directory.File("f"), ["aio"] = "io_uring", ["locking"] = "auto", ["drop-cache"] = "off",
            ["x-check-cache-dropped"] = "on", ["aio-max-batch"] = "3",
        };
        await using BlockNode node = await Nodes.OpenAsync(new FileDriver(), Nodes.Request("", options: options));
        Assert.True(options.IsEmpty);
        Assert.Equal(_directory["f"], node.FileName);
    }

    [Theory]
    [InlineData(Errno.AccessDenied)]
    [InlineData(Errno.ReadOnlyFileSystem)]
    public void A_file_that_cannot_be_written_is_opened_for_reading_if_that_will_do(int errno)
    {
        string name = _directory.File("f", 1);
        var e = Assert.Throws<BlockException>(() => Nodes.Open(name, Nodes.Writable, new ReadOnlyCalls(errno)));
        Assert.Equal($"Could not open '{name}': {Errno.Describe(errno)}", e.Message);
        FileStorage node = Nodes.Open(name, Nodes.Writable | OpenFlags.AutoReadOnly, new ReadOnlyCalls(errno));
        Assert.True(node.IsReadOnly);
        Assert.Equal(OpenFlags.None, node.OpenedFlags & OpenFlags.ReadWrite);
    }

    [Fact]
    public void A_file_system_without_direct_io_is_named_as_the_cause()
    {
        string name = _directory.File("f", 1);
        var e = Assert.Throws<BlockException>(
            () => Nodes.Open(name, Nodes.Writable | OpenFlags.CacheDirect, new NoDirectCalls()));
        Assert.Equal($"Could not open '{name}': filesystem does not support O_DIRECT", e.Message);
    }

    [Fact]
    public void File_names_lose_their_prefix()
    {
        var options = new OptionSet();
        new FileDriver().ParseFileName("file:a.raw", options);
        Assert.Equal("a.raw", options.Get("filename"));
        new HostDeviceDriver().ParseFileName("host_device:/dev/sda", options);
        Assert.Equal("/dev/sda", options.Get("filename"));
    }

    [Fact]
    public void Devices_are_recognised()
    {
        Assert.Equal(100, new HostDeviceDriver().ProbeDevice("/dev/null"));
        Assert.Equal(0, new HostDeviceDriver().ProbeDevice(_directory.File("f")));
        Assert.Equal(0, new HostDeviceDriver().ProbeDevice("/no/such"));
        Assert.Equal(0, new HostCdromDriver().ProbeDevice("/dev/null"));
        Assert.Equal(0, new FileDriver().ProbeDevice("/dev/null"));
    }

    private static async Task<string> FailAsync(
        string driver, string name, OpenFlags flags = Nodes.Writable, OptionSet? options = null)
    {
        BlockDriver opened = driver switch
        {
            "file" => new FileDriver(),
            "host_device" => new HostDeviceDriver(),
            _ => new HostCdromDriver(),
        };
        OpenRequest request = Nodes.Request(name, flags, options: options);
        return (await Assert.ThrowsAsync<BlockException>(() => Nodes.OpenAsync(opened, request).AsTask())).Message;
    }

    private sealed class ReadOnlyCalls(int errno) : SystemCalls
    {
        public override int Open(string path, OpenMode mode) =>
            (mode & OpenMode.ReadWrite) != 0 ? -errno : base.Open(path, mode);
    }

    private sealed class NoDirectCalls : SystemCalls
    {
        public override int Open(string path, OpenMode mode) =>
            (mode & OpenMode.Direct) != 0 ? -Errno.Invalid : base.Open(path, mode);
    }
}
