using System.Buffers.Binary;
using Byre.Block.Errors;
using Byre.Block.Graph;
using Byre.Qcow2.Layout;
using Byre.Qcow2.Tests.Driver;
using Byre.Qcow2.Tests.Layout;

namespace Byre.Qcow2.Tests.Budgets;

/// <summary>Small files whose headers claim large things: memory goes with the file, never with the claim.</summary>
public sealed class HostileClaimTests : IDisposable
{
    private const long BudgetBytes = 4 << 20;

    /// <summary>Some lists of 65,536 references to one record.</summary>
    private const long ListsOfSnapshotsBytes = 16 << 20;

    private const int ClusterBytes = 65536;
    private const int L1Offset = 3 * ClusterBytes;
    private const int MaxL1Entries = FormatLimits.MaxL1Bytes / 8;

    private readonly string _folder = Directory.CreateTempSubdirectory("byre-claims-").FullName;
    private readonly Images _images = new();

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task TheLargestL1TableCostsNothing(bool isWritable)
    {
        string path = Write(Header(MaxL1Entries, (ulong)MaxL1Entries << 29));
        await AssertCheapAsync(path, isWritable, async node =>
        {
            byte[] read = new byte[512];
            await node.ReadAsync(node.LengthBytes - 512, read);
            Assert.All(read, value => Assert.Equal(0, value));
        });
    }

    [Fact]
    public async Task ATableBeyondTheFileGrowsAsItIsWritten()
    {
        string path = Write(Header(MaxL1Entries, (ulong)MaxL1Entries << 29));
        byte[] data = new byte[512];
        data.AsSpan().Fill(0xa5);
        long far = (100_000L << 29) + 4096;
        await using (BlockNode node = await _images.OpenAsync(path))
        {
            await node.WriteAsync(0, data);
            await node.WriteAsync(far, data);
            await node.FlushAsync();
        }

        await using BlockNode again = await _images.OpenAsync(path);
        foreach (long offset in (long[])[0, far])
        {
            byte[] read = new byte[512];
            await again.ReadAsync(offset, read);
            Assert.Equal(data, read);
        }
    }

    [Fact]
    public async Task TheLargestRefcountTableCostsNothing()
    {
        HeaderBuilder header = Header(1, 1 << 20)
            .U32(HeaderBuilder.TableClusters, FormatLimits.MaxRefcountTableBytes / ClusterBytes);
        await AssertCheapAsync(Write(header), isWritable: true, _ => default);
    }

    [Theory]
    [InlineData(1UL << 40)]
    [InlineData((ulong)L1Offset)]
    public async Task SnapshotsBeyondTheFileCostLittle(ulong tableOffset)
    {
        HeaderBuilder header = Header(1, 1 << 20)
            .U32(HeaderBuilder.SnapshotCount, FormatLimits.MaxSnapshots)
            .U64(HeaderBuilder.SnapshotOffset, tableOffset);
        await AssertCheapAsync(Write(header), isWritable: false, _ => default, ListsOfSnapshotsBytes);
    }

    [Fact]
    public async Task ABitmapDirectoryBeyondTheFileIsRefused()
    {
        byte[] extension = new byte[24];
        BinaryPrimitives.WriteInt32BigEndian(extension, FormatLimits.MaxBitmaps);
        BinaryPrimitives.WriteInt64BigEndian(extension.AsSpan(8), FormatLimits.MaxBitmapDirectoryBytes);
        BinaryPrimitives.WriteInt64BigEndian(extension.AsSpan(16), 1L << 40);
        HeaderBuilder header = Header(1, 1 << 20).U64(HeaderBuilder.Autoclear, 1)
            .Extensions((HeaderExtension.Bitmaps, extension));
        await AssertRefusedCheaplyAsync(Write(header), "Broken bitmap directory");
    }

    /// <summary>A snapshot's disk size becomes the size of a table: it is checked before.</summary>
    [Theory]
    [InlineData(ulong.MaxValue - 511, Errno.FileTooLarge)]
    [InlineData(long.MaxValue - 511UL, Errno.FileTooLarge)]
    [InlineData((1UL << 61) + 512, Errno.FileTooLarge)]
    [InlineData(513UL, Errno.Invalid)]
    public async Task ASnapshotOfAnImpossibleDiskIsNotApplied(ulong diskBytes, int errno)
    {
        string path = Path.Combine(_folder, "image");
        await _images.CreateAsync(path, "", "1M");
        await using (BlockNode node = await _images.OpenAsync(path))
            await ((ISnapshotStore)node).CreateSnapshotAsync(new SnapshotInfo("", "s"), default);
        byte[] content = await File.ReadAllBytesAsync(path);
        int table = (int)BinaryPrimitives.ReadUInt64BigEndian(content.AsSpan(HeaderBuilder.SnapshotOffset));
        BinaryPrimitives.WriteUInt64BigEndian(content.AsSpan(table + SnapshotRecord.FixedBytes + 8), diskBytes);
        await File.WriteAllBytesAsync(path, content);

        await using BlockNode hostile = await _images.OpenAsync(path);
        var store = (ISnapshotStore)hostile;
        long before = GC.GetAllocatedBytesForCurrentThread();
        BlockException failure = await Assert.ThrowsAsync<BlockException>(
            async () => await store.ApplySnapshotAsync("s", default));
        Assert.Equal(errno, failure.Errno);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, BudgetBytes);
        await store.DeleteSnapshotAsync("1", "s", default);
    }

    /// <summary>An image that is its own backing file by ever longer names: the depth has a bound.</summary>
    [Fact]
    public async Task AChainWithoutAnEndIsRefused()
    {
        const int Names = ImageOpener.MaxDepth + 20;
        for (int i = 0; i < Names; i++)
        {
            HeaderBuilder header = Header(1, 1 << 20).Extensions().U64(HeaderBuilder.BackingOffset, 400);
            header.U32(HeaderBuilder.BackingBytes, (uint)WriteText(header.Bytes.AsSpan(400), $"c{i + 1}"));
            Write(header, $"c{i}");
        }

        long before = GC.GetAllocatedBytesForCurrentThread();
        BlockException failure = await Assert.ThrowsAsync<BlockException>(
            async () => await _images.OpenAsync(Path.Combine(_folder, "c0"), flags: OpenFlags.None));
        Assert.Contains("Too many nested images", failure.Message, StringComparison.Ordinal);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, Names * BudgetBytes);
    }

    private async Task AssertCheapAsync(
        string path, bool isWritable, Func<BlockNode, ValueTask> use, long budgetBytes = BudgetBytes)
    {
        long before = GC.GetAllocatedBytesForCurrentThread();
        await using (BlockNode node = await _images.OpenAsync(
            path, flags: isWritable ? OpenFlags.ReadWrite : OpenFlags.None))
            await use(node);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, budgetBytes);
    }

    private async Task AssertRefusedCheaplyAsync(string path, string reason)
    {
        long before = GC.GetAllocatedBytesForCurrentThread();
        BlockException failure = await Assert.ThrowsAsync<BlockException>(async () => await _images.OpenAsync(path));
        Assert.Equal(reason, failure.Message);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, BudgetBytes);
    }

    private static HeaderBuilder Header(int l1Entries, ulong size) => new HeaderBuilder()
        .U32(HeaderBuilder.L1Count, (uint)l1Entries)
        .U64(HeaderBuilder.Size, size);

    private string Write(HeaderBuilder header, string name = "image")
    {
        // Header, refcount table, one block that counts them and the L1 table's clusters, the start of the L1 table.
        byte[] image = new byte[L1Offset + 8];
        header.Bytes.CopyTo(image, 0);
        BinaryPrimitives.WriteUInt64BigEndian(image.AsSpan(ClusterBytes), 2 * ClusterBytes);
        for (int cluster = 0; cluster < 3 + (FormatLimits.MaxL1Bytes / ClusterBytes); cluster++)
            BinaryPrimitives.WriteUInt16BigEndian(image.AsSpan((2 * ClusterBytes) + (2 * cluster)), 1);
        string path = Path.Combine(_folder, name);
        File.WriteAllBytes(path, image);
        return path;
    }

    private static int WriteText(Span<byte> target, string text) => System.Text.Encoding.ASCII.GetBytes(text, target);
}
