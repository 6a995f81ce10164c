using Byre.Block.Errors;
using Byre.Block.Graph;
using Byre.Block.Jobs;
using Byre.Block.Requests;
using Byre.Qcow2.Check;
using Byre.Qcow2.Create;
using Byre.Qcow2.Layout;

namespace Byre.Tests;

/// <summary>The library as its users call it, on real files.</summary>
public sealed class Qcow2ImageTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("byre-image-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task WhatIsWrittenIsThereAfterReopening()
    {
        string path = Path("disk.qcow2");
        byte[] data = Pattern(100_000);
        await using (Qcow2Image image = await Qcow2Image.CreateAsync(
            path, new Qcow2CreateOptions { SizeBytes = 10 << 20 }))
        {
            await image.WriteAsync(12_345, data);
            await image.FlushAsync();
        }

        await using Qcow2Image again = await Qcow2Image.OpenAsync(path, new Qcow2ImageOptions { ReadOnly = true });
        byte[] read = new byte[data.Length];
        Assert.Equal(read.Length, await again.ReadAsync(12_345, read));
        Assert.Equal(data, read);
        Assert.True((await again.CheckAsync()).IsClean);
    }

    [Fact]
    public async Task ReadsEndAtTheEndOfTheDiskAndWritesBeyondItFail()
    {
        await using Qcow2Image image = await Qcow2Image.CreateAsync(
            Path("d"), new Qcow2CreateOptions { SizeBytes = 1 << 20 });
        Assert.Equal(100, await image.ReadAsync((1 << 20) - 100, new byte[200]));
        Assert.Equal(0, await image.ReadAsync(1 << 21, new byte[200]));
        BlockException failure = await Assert.ThrowsAsync<BlockException>(
            async () => await image.WriteAsync((1 << 20) - 100, new byte[200]));
        Assert.Equal(Errno.InputOutput, failure.Errno);
    }

    [Fact]
    public async Task TheStreamSeeksReadsAndWrites()
    {
        await using Qcow2Image image = await Qcow2Image.CreateAsync(
            Path("d"), new Qcow2CreateOptions { SizeBytes = 1 << 20 });
        await using Stream stream = image.OpenStream();
        stream.Seek(5000, SeekOrigin.Begin);
        await stream.WriteAsync(Pattern(300));
        stream.Seek(-300, SeekOrigin.Current);
        byte[] read = new byte[300];
        await stream.ReadExactlyAsync(read);
        Assert.Equal(Pattern(300), read);
        Assert.Equal(1 << 20, stream.Length);
    }

    [Fact]
    public async Task ExtentsTellDataZeroesAndHoles()
    {
        await using Qcow2Image image = await Qcow2Image.CreateAsync(
            Path("d"), new Qcow2CreateOptions { SizeBytes = 1 << 20 });
        await image.WriteAsync(65536, Pattern(65536));
        await image.WriteZeroesAsync(new ByteRange(0x40000, 0x20000));
        var extents = new List<ImageExtent>();
        await foreach (ImageExtent extent in image.GetExtentsAsync())
            extents.Add(extent);
        Assert.Equal([0, 0x10000, 0x20000, 0x40000, 0x60000], extents.Select(extent => extent.Offset));
        Assert.Equal([true, false, true, true, true], extents.Select(extent => extent.IsZero));
        Assert.Equal([false, true, false, true, false], extents.Select(extent => extent.IsAllocated));
    }

    [Fact]
    public async Task BackingFilesAreOpenedOnlyWhereAllowed()
    {
        string baseFile = Path("base.qcow2");
        string overlay = Path("overlay.qcow2");
        byte[] data = Pattern(4096);
        await using (Qcow2Image image = await Qcow2Image.CreateAsync(
            baseFile, new Qcow2CreateOptions { SizeBytes = 1 << 20 }))
            await image.WriteAsync(0, data);
        var options =
            new Qcow2CreateOptions { SizeBytes = 1 << 20, BackingFileName = baseFile, BackingFormat = "qcow2" };
        await Assert.ThrowsAsync<BlockException>(async () => await Qcow2Image.CreateAsync(overlay, options));

        var allow = new Qcow2ImageOptions { ImplicitOpens = ImplicitOpenPolicy.AllowAll };
        await using Qcow2Image top = await Qcow2Image.OpenAsync(overlay, allow);
        byte[] read = new byte[data.Length];
        await top.ReadAsync(0, read);
        Assert.Equal(data, read);
    }

    [Fact]
    public async Task SnapshotsResizeAndCopyKeepTheBytes()
    {
        await using Qcow2Image image = await Qcow2Image.CreateAsync(
            Path("d"), new Qcow2CreateOptions { SizeBytes = 1 << 20 });
        await image.WriteAsync(0, Pattern(70_000));
        await image.CreateSnapshotAsync("before");
        await image.WriteAsync(0, new byte[70_000]);
        await image.ApplySnapshotAsync("before");
        await image.ResizeAsync(2 << 20);

        var zstd = new Qcow2CreateOptions { SizeBytes = 2 << 20, CompressionType = CompressionType.Zstd };
        await using Qcow2Image copy = await Qcow2Image.CreateAsync(Path("copy"), zstd);
        await image.CopyToAsync(copy, new ConvertOptions { Compressed = true, TargetIsNew = true });
        byte[] read = new byte[70_000];
        await copy.ReadAsync(0, read);
        Assert.Equal(Pattern(70_000), read);
        await image.DeleteSnapshotAsync((await image.GetInfoAsync()).Snapshots[0]);
        Assert.True((await image.CheckAsync()).IsClean);
        Assert.True((await copy.CheckAsync()).IsClean);
    }

    [Fact]
    public async Task ManyTasksWriteAndReadAtOnce()
    {
        const int Writers = 8;
        const int Blocks = 200;
        byte[][] expected = new byte[Writers * Blocks][];
        await using Qcow2Image image = await Qcow2Image.CreateAsync(
            Path("d"),
            new Qcow2CreateOptions { SizeBytes = Writers * Blocks * 3000 / 512 * 512, ClusterSizeBytes = 4096 });
        await Parallel.ForAsync(0, Writers, async (writer, cancellation) =>
        {
            var random = new Random(writer);
            for (int block = 0; block < Blocks - 1; block++)
            {
                // Neighbours belong to other writers: clusters are shared, sectors are not aligned.
                int index = (block * Writers) + writer;
                byte[] data = new byte[3000];
                random.NextBytes(data);
                expected[index] = data;
                await image.WriteAsync(index * 3000L, data, cancellation);
                if (block % 16 == 0)
                    await image.FlushAsync(cancellation);
                byte[] read = new byte[3000];
                await image.ReadAsync(index * 3000L, read, cancellation);
                Assert.Equal(data, read);
            }
        });
        for (int index = 0; index < Writers * (Blocks - 1); index++)
        {
            byte[] read = new byte[3000];
            await image.ReadAsync(index * 3000L, read);
            Assert.Equal(expected[index], read);
        }

        CheckReport report = await image.CheckAsync();
        Assert.True(report.IsClean);
    }

    private static byte[] Pattern(int length)
    {
        byte[] bytes = new byte[length];
        new Random(length).NextBytes(bytes);
        return bytes;
    }

    private string Path(string name) => System.IO.Path.Combine(_folder, name);
}
