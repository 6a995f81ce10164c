using Byre.Block.Bitmaps;
using Byre.Block.Graph;
using Byre.Block.Requests;
using Byre.Nbd.Server;
using Byre.Nbd.Tests.Support;

namespace Byre.Nbd.Tests.Peers;

/// <summary>Dirty bitmaps that QEMU made, told by our server.</summary>
public sealed class BitmapTests
{
    [PeerFact("qemu-img", "qemu-io", "nbdinfo")]
    public async Task A_bitmap_tells_what_was_written()
    {
        using var directory = new TempDirectory();
        string image = directory["image"];
        Tools.Check("qemu-img", "create", "-q", "-f", "qcow2", image, "10M");
        Tools.Check("qemu-img", "bitmap", "--add", "-g", "64k", image, "b0");
        Tools.Check("qemu-io", "-c", "write 128k 1", "-c", "write 1M 200k", "-c", "write 10223616 1k", image);
        BlockNode node = await Images.Opener.OpenAsync(image, OpenFlags.None, format: "qcow2");
        DirtyBitmap bitmap = (await ((IBitmapSource)node).ReadBitmapAsync("b0"))!;
        Assert.True(bitmap.IsEnabled && !bitmap.IsInconsistent);
        Assert.Null(await ((IBitmapSource)node).ReadBitmapAsync("b1"));

        var export = new NbdExport("", new BlockBackend(node), isReadOnly: true) { Bitmaps = [bitmap] };
        await using TestServer server = TestServer.Start([export]);
        string map = Tools.Check("nbdinfo", "--map=qemu:dirty-bitmap:b0", server.Uri);
        Assert.Equal(
            [
                "0 131072 0 clean", "131072 65536 1 dirty", "196608 851968 0 clean", "1048576 262144 1 dirty",
                "1310720 8912896 0 clean", "10223616 65536 1 dirty", "10289152 196608 0 clean",
            ],
            map.Split('\n', StringSplitOptions.RemoveEmptyEntries)
                .Select(line => string.Join(' ', line.Split(' ', StringSplitOptions.RemoveEmptyEntries))));
    }

    [Fact]
    public void Pieces_of_every_kind_are_searched()
    {
        byte[] mixed = [0, 0, 0b0001_1000, 0xff];
        var bitmap = new DirtyBitmap("b", 512, 4, [DirtyBitmap.Clean, mixed, DirtyBitmap.Dirty, DirtyBitmap.Clean]);
        long piece = 4 * 8 * 512;
        Assert.True(bitmap.TryFindDirty(new ByteRange(0, 4 * piece), out ByteRange first));
        Assert.Equal(new ByteRange(piece + ((16 + 3) * 512), 1024), first);
        Assert.True(bitmap.TryFindDirty(ByteRange.FromEnd(first.End, 4 * piece), out ByteRange second));
        Assert.Equal(ByteRange.FromEnd(piece + (24 * 512), 3 * piece), second);
        Assert.False(bitmap.TryFindDirty(ByteRange.FromEnd(second.End, 4 * piece), out _));
        Assert.True(bitmap.TryFindDirty(new ByteRange(second.Offset + 1, 5), out ByteRange inside));
        Assert.Equal(new ByteRange(second.Offset + 1, 5), inside);
    }
}
