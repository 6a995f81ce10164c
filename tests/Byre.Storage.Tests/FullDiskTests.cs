using Byre.Block.Errors;
using Byre.Block.Requests;
using Byre.Storage.Files;
using Byre.Storage.Tests.Support;

namespace Byre.Storage.Tests;

/// <summary>A file system that runs out of space.</summary>
public sealed class FullDiskTests : IDisposable
{
    private const int DiskBytes = 1 << 20;

    private readonly TempDirectory _directory = new();
    private readonly IDisposable? _mount;

    public FullDiskTests() => _mount = Privileges.TryMountMemory(_directory["disk"], DiskBytes);

    public void Dispose()
    {
        _mount?.Dispose();
        _directory.Dispose();
    }

    [MountFact]
    public async Task A_full_disk_is_reported_and_what_was_written_before_stays()
    {
        string name = _directory.File("disk/f");
        await using FileStorage node = Nodes.Open(name);
        byte[] half = Nodes.Pattern(DiskBytes / 2);
        await node.WriteAsync(0, half);
        var e = await Assert.ThrowsAsync<BlockException>(
            async () => await node.WriteAsync(half.Length, new byte[DiskBytes]));
        Assert.Equal(BlockErrorKind.NoSpace, e.Kind);
        Assert.Equal(half, await Nodes.ReadAsync(node, 0, half.Length));

        // Not a failed flush: after space was made the node goes on.
        await node.DiscardAsync(new ByteRange(0, half.Length));
        await node.WriteAsync(0, half);
        await node.FlushAsync();
        Assert.Equal(half, await Nodes.ReadAsync(node, 0, half.Length));
    }

    [MountFact]
    public async Task Preallocation_that_does_not_fit_leaves_the_old_length()
    {
        await using FileStorage node = Nodes.Open(_directory.File("disk/f", 1, 2, 3));
        foreach (PreallocationMode mode in (PreallocationMode[])[PreallocationMode.Falloc, PreallocationMode.Full])
        {
            var e = await Assert.ThrowsAsync<BlockException>(
                async () => await node.TruncateAsync(new TruncateRequest(10 * DiskBytes) { Preallocation = mode }));
            Assert.Equal(Errno.NoSpace, e.Errno);
            Assert.Equal(3, node.LengthBytes);
            Assert.Equal(3, new FileInfo(_directory["disk/f"]).Length);
        }
    }
}
