using Byre.Block.Errors;
using Byre.Block.Graph;
using Byre.Block.Requests;
using Byre.Storage.Drivers;
using Byre.Storage.Files;
using Byre.Storage.Tests.Support;

namespace Byre.Storage.Tests;

/// <summary>A loop device.</summary>
public sealed class BlockDeviceTests : IDisposable
{
    private const int DeviceBytes = 4 << 20;
    private const int Part = 1 << 18;

    private readonly TempDirectory _directory = new();
    private readonly IDisposable? _loop;
    private readonly string _device;

    public BlockDeviceTests() =>
        _loop = Privileges.TryAttachLoop(_directory.File("image", Nodes.Pattern(DeviceBytes)), out _device);

    public void Dispose()
    {
        _loop?.Dispose();
        _directory.Dispose();
    }

    [LoopTheory]
    [InlineData(OpenFlags.None)]
    [InlineData(OpenFlags.CacheDirect)]
    public async Task It_is_read_written_zeroed_and_discarded(OpenFlags cache)
    {
        await using (BlockNode node = await OpenAsync(cache))
        {
            Assert.Equal(DeviceBytes, node.LengthBytes);
            Assert.True(((FileStorage)node).IsDevice);
            Assert.False(node.HasZeroInitialisation);
            byte[] expected = Nodes.Pattern(DeviceBytes);
            byte[] data = Nodes.Pattern(Part, seed: 9);
            await node.WriteAsync(Part, data, RequestFlags.ForceUnitAccess);
            data.CopyTo(expected, Part);
            await node.WriteZeroesAsync(new ByteRange(3 * Part, Part));
            expected.AsSpan(3 * Part, Part).Clear();
            await node.WriteZeroesAsync(new ByteRange(5 * Part, Part), RequestFlags.MayUnmap);
            expected.AsSpan(5 * Part, Part).Clear();
            await node.DiscardAsync(new ByteRange(7 * Part, Part));
            expected.AsSpan(7 * Part, Part).Clear();
            await node.FlushAsync();
            byte[] actual = await Nodes.ReadAsync(node, 0, DeviceBytes);
            actual.AsSpan(7 * Part, Part).Clear();
            Assert.Equal(expected, actual);
            Assert.True((await node.GetStatusAsync(new ByteRange(0, DeviceBytes))).Has(BlockStatus.Data));
        }
    }

    [LoopFact]
    public async Task Its_length_cannot_change()
    {
        await using BlockNode node = await OpenAsync(OpenFlags.None);
        await node.TruncateAsync(new TruncateRequest(DeviceBytes / 2, Exact: false));
        Assert.Equal(DeviceBytes, node.LengthBytes);
        Assert.Equal("Cannot resize device files", await TruncateFailureAsync(node, new TruncateRequest(512)));
        Assert.Equal(
            "Cannot grow device files",
            await TruncateFailureAsync(node, new TruncateRequest(2 * DeviceBytes, Exact: false)));
        Assert.Equal(
            "Preallocation mode 'full' unsupported for this non-regular file",
            await TruncateFailureAsync(
                node, new TruncateRequest(DeviceBytes) { Preallocation = PreallocationMode.Full }));
        var e = await Assert.ThrowsAsync<BlockException>(async () => await node.WriteAsync(DeviceBytes, new byte[512]));
        Assert.Equal(Errno.NoSpace, e.Errno);
    }

    [LoopFact]
    public async Task A_device_set_read_only_is_not_opened_for_writing()
    {
        if (!Tools.Exists("blockdev") || Tools.Run("blockdev", "--setro", _device).ExitCode != 0)
            return;
        try
        {
            var e = await Assert.ThrowsAsync<BlockException>(() => OpenAsync(OpenFlags.None).AsTask());
            Assert.Equal("The device is not writable: Permission denied", e.Message);
            await using BlockNode node = await OpenAsync(OpenFlags.AutoReadOnly);
            Assert.True(node.IsReadOnly);
        }
        finally
        {
            // The setting outlives the device's being attached.
            Tools.Run("blockdev", "--setrw", _device);
        }
    }

    private ValueTask<BlockNode> OpenAsync(OpenFlags flags) =>
        Nodes.OpenAsync(new HostDeviceDriver(), Nodes.Request(_device, Nodes.Writable | flags));

    private static async Task<string> TruncateFailureAsync(BlockNode node, TruncateRequest request) =>
        (await Assert.ThrowsAsync<BlockException>(async () => await node.TruncateAsync(request))).Message;
}
