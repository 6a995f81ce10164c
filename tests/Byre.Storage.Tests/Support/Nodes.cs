using Byre.Block.Graph;
using Byre.Storage.Drivers;
using Byre.Storage.Files;
using Byre.Storage.Interop;

namespace Byre.Storage.Tests.Support;

/// <summary>Opens nodes as an opener would.</summary>
internal static class Nodes
{
    public const OpenFlags Writable = OpenFlags.ReadWrite | OpenFlags.Unmap;

    public static OpenRequest Request(
        string fileName,
        OpenFlags flags = Writable,
        ChildRole? role = null,
        OptionSet? options = null) => new()
        {
            Opener = NoOpener.Instance,
            Options = options ?? new OptionSet(),
            Flags = flags,
            FileName = fileName,
            Permissions = role is { } known ? PermissionsOn(known, flags) : null,
        };

    private static (NodePermissions Used, NodePermissions Shared) PermissionsOn(ChildRole role, OpenFlags flags)
    {
        bool isWritable = (flags & OpenFlags.ReadWrite) != 0;
        return (NodeSharing.OfChild(role, NodeSharing.OfRoot(flags), isWritable), NodeSharing.OnChild(
            role, NodePermissions.All));
    }

    public static ValueTask<BlockNode> OpenAsync(BlockDriver driver, OpenRequest request) =>
        driver.OpenAsync(request, CancellationToken.None);

    public static FileStorage Open(string fileName, OpenFlags flags = Writable, SystemCalls? calls = null)
    {
        OpenRequest request = Request(fileName, flags);
        return new FileDriver().OpenStorage(
            calls ?? SystemCalls.Kernel, request, FileNodeOptions.Take("file", request));
    }

    public static byte[] Pattern(int length, int seed = 1)
    {
        byte[] bytes = new byte[length];
        new Random(seed).NextBytes(bytes);
        return bytes;
    }

    public static async Task<byte[]> ReadAsync(BlockNode node, long offset, int length)
    {
        byte[] bytes = new byte[length];
        bytes.AsSpan().Fill(0xEE);
        await node.ReadAsync(offset, bytes);
        return bytes;
    }

    private sealed class NoOpener : IImageOpener
    {
        public static readonly NoOpener Instance = new();

        public ValueTask<BlockNode?> OpenChildAsync(
            OpenRequest parent, string name, ChildRole role, string? fileName, string? format,
            CancellationToken cancellation) =>
            throw new InvalidOperationException("storage has no children");
    }
}
