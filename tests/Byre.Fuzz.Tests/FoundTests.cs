using System.Diagnostics;
using Byre.Block.Errors;
using Byre.Block.Graph;
using Byre.Block.Requests;
using Byre.Fuzz.Images;
using Byre.Qcow2.Create;
using Byre.Qcow2.Layout;

namespace Byre.Fuzz.Tests;

/// <summary>What the fuzzer found and a test says better than the image that showed it.</summary>
public sealed class FoundTests
{
    private static readonly TimeSpan SoonEnough = TimeSpan.FromSeconds(20);

    /// <summary>
    /// An L1 table of 30,000 clusters needs more refcount slices at once than a transaction kept: it loaded them for
    /// ever.
    /// </summary>
    [Fact]
    public void Growth_by_a_table_over_many_refcount_slices_ends()
    {
        SparseImage image = Create(new Qcow2CreateOptions { ClusterSizeBytes = 512, SizeBytes = 100 << 10 });
        long started = Stopwatch.GetTimestamp();
        BlockNode node = Open(image, OpenFlags.ReadWrite);
        Wait(node.TruncateAsync(new TruncateRequest(60L << 30)));
        Wait(node.DisposeAsync());
        Assert.InRange(Stopwatch.GetElapsedTime(started), TimeSpan.Zero, SoonEnough);
        Assert.Equal(60L << 30, Open(image, OpenFlags.None).LengthBytes);
    }

    /// <summary>The end of the file was looked for cluster by cluster.</summary>
    [Fact]
    public void Shrinking_an_image_in_a_huge_sparse_file_ends()
    {
        SparseImage image = Create(new Qcow2CreateOptions { ClusterSizeBytes = 512, SizeBytes = 100 << 10 });
        image.SetLength(1L << 40);
        long started = Stopwatch.GetTimestamp();
        BlockNode node = Open(image, OpenFlags.ReadWrite);
        Wait(node.TruncateAsync(new TruncateRequest(50 << 10)));
        Wait(node.DisposeAsync());
        Assert.InRange(Stopwatch.GetElapsedTime(started), TimeSpan.Zero, SoonEnough);
        Assert.InRange(image.LengthBytes, 0, 1 << 20);
    }

    /// <summary>The disk's size was taken from the record as it was, and read back as another one.</summary>
    [Theory]
    [InlineData(0xffff8)]
    [InlineData(-512)]
    [InlineData(long.MaxValue - 511)]
    public void A_snapshot_of_an_impossible_disk_is_not_applied(long diskBytes)
    {
        SeedImage seed = SeedImages.All.First(candidate => candidate.Name == "v3-65536-16");
        SparseImage image = seed.Image.Copy();
        long record = (long)image.ReadBigEndian(64, 8);
        image.WriteBigEndian(record + 48, 8, (ulong)diskBytes);
        BlockNode node = Open(image, OpenFlags.ReadWrite);
        long before = node.LengthBytes;
        Assert.Throws<BlockException>(() => Wait(((ISnapshotStore)node).ApplySnapshotAsync("1")));
        Wait(node.DisposeAsync());
        Assert.Equal(before, Open(image, OpenFlags.None).LengthBytes);
    }

    /// <summary>Tables that lie behind the end of the file were allocated by what the header claims.</summary>
    [Fact]
    public void Tables_that_the_file_does_not_hold_cost_no_memory()
    {
        SparseImage image = Create(new Qcow2CreateOptions { ClusterSizeBytes = 65536, SizeBytes = 1 << 20 });
        image.WriteBigEndian(36, 4, FormatLimits.MaxL1Bytes / 8);
        image.WriteBigEndian(56, 4, FormatLimits.MaxRefcountTableBytes / 65536);
        image.WriteBigEndian(60, 4, FormatLimits.MaxSnapshots);
        image.WriteBigEndian(64, 8, 1L << 40);
        Open(image, OpenFlags.None);
        long before = GC.GetAllocatedBytesForCurrentThread();
        Open(image, OpenFlags.None);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 16 << 20);
    }

    /// <summary>A bitmap stayed valid although it had missed writes: a backup by it would have lost them.</summary>
    [Theory]
    [InlineData("bitmaps-512")]
    [InlineData("bitmaps-65536")]
    public void Bitmaps_are_inconsistent_once_the_guest_has_written(string name)
    {
        SparseImage image = SeedImages.All.First(seed => seed.Name == name).Image.Copy();
        SparseImage before = image.Copy();
        Wait(Open(image, OpenFlags.ReadWrite).DisposeAsync());
        Assert.True(image.ContentEquals(before), "opening and closing changed the image");

        BlockNode node = Open(image, OpenFlags.ReadWrite);
        Wait(node.WriteAsync(0, new byte[512]));
        Wait(node.DisposeAsync());
        ImageMap map = new(image);
        Assert.NotEmpty(map.Bitmaps);
        foreach (ImageField flags in map.Bitmaps.Where(field => field.Kind == FieldKind.Flags))
            Assert.Equal(1UL, image.ReadBigEndian(flags.Offset, 4) & 1);
    }

    private static SparseImage Create(Qcow2CreateOptions options)
    {
        var image = new SparseImage();
        var file = new FuzzStorage(image);
        ImageCreator.WriteEmptyAsync(file, options, CancellationToken.None).AsTask().GetAwaiter().GetResult();
        return image;
    }

    private static BlockNode Open(SparseImage image, OpenFlags flags) =>
        FuzzImage.Open(image, flags, new OptionSet());

    private static void Wait(ValueTask task) => task.AsTask().GetAwaiter().GetResult();
}
