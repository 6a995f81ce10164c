using Byre.Block.Errors;
using Byre.Block.Jobs;
using Byre.Block.Requests;

namespace Byre.Block.Tests.Jobs;

public sealed class ConvertJobTests
{
    private const int Cluster = 65536;
    private const int Mega = 1 << 20;

    private static readonly ConvertOptions NewTarget = new() { TargetIsNew = true };

    [Fact]
    public async Task Holes_and_zeroes_are_left_out_of_a_new_target()
    {
        var source = new FakeNode(4 * Mega).Put(Cluster, Cluster, 1).Put(Mega, Cluster, 0).PutZeroes(3 * Mega, Mega);
        var target = new FakeNode(4 * Mega);

        await new ConvertJob([source], target, NewTarget).RunAsync();

        Assert.Equal(source.Content, target.Content);
        Assert.Equal([$"write {Cluster}+{Cluster}"], target.Log);
    }

    [Fact]
    public async Task Zeroes_are_written_to_a_target_of_unknown_content()
    {
        var source = new FakeNode(Mega).Put(0, Cluster, 1);
        var target = new FakeNode(Mega).Put(0, Mega, 9);

        await new ConvertJob([source], target, new ConvertOptions()).RunAsync();

        Assert.Equal(source.Content, target.Content);
        Assert.Equal([$"write 0+{Cluster}", $"zero {Cluster}+{Mega - Cluster}"], target.Log);
    }

    [Fact]
    public async Task Without_sparse_detection_everything_is_written()
    {
        var source = new FakeNode(Mega).Put(0, Cluster, 1);
        var target = new FakeNode(Mega);

        await new ConvertJob([source], target, NewTarget with { SparseBytes = 0 }).RunAsync();

        Assert.Equal([$"write 0+{Cluster}", "write 65536+524288", "write 589824+458752"], target.Log);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Writes_are_in_order_however_long_the_reads_take(bool compressed)
    {
        const int Length = 24 * Mega;
        var source = new FakeNode(Length) { IsSlow = true };
        for (int offset = 0; offset < Length; offset += Cluster)
            source.Put(offset, Cluster, (byte)((offset / Cluster % 5) + 1));
        var target = new FakeNode(Length) { IsSlow = true };

        await new ConvertJob([source], target, NewTarget with { Compressed = compressed }).RunAsync();

        Assert.Equal(source.Content, target.Content);
        long[] offsets = [.. target.Log.Select(entry => long.Parse(entry.Split(' ', '+')[1]))];
        Assert.Equal(offsets.Order(), offsets);
        Assert.All(target.Log, entry => Assert.StartsWith(compressed ? "packed" : "write", entry));
    }

    [Fact]
    public async Task Out_of_order_everything_is_written_once()
    {
        var source = new FakeNode(20 * Mega) { IsSlow = true }.Put(0, 20 * Mega, 3);
        var target = new FakeNode(20 * Mega) { IsSlow = true };

        await new ConvertJob([source], target, NewTarget with { OutOfOrder = true, Workers = 16 }).RunAsync();

        Assert.Equal(source.Content, target.Content);
        Assert.Equal(40, target.Log.Count);
    }

    [Fact]
    public async Task Compressed_clusters_are_whole_even_across_sources()
    {
        const int Length = (5 * Cluster) - 512;
        var first = new FakeNode(Length).Put(4 * Cluster, 512, 7);
        var second = new FakeNode(Length).Put(0, Cluster, 8);
        var target = new FakeNode(2 * Length);

        await new ConvertJob([first, second], target, NewTarget with { Compressed = true }).RunAsync();

        Assert.Equal(first.Content, target.Content[..Length]);
        Assert.Equal(second.Content, target.Content[Length..]);
        Assert.Equal([$"write {4 * Cluster}+{Cluster}", $"write {5 * Cluster}+{Cluster}"], target.Log);
    }

    [Fact]
    public async Task What_the_backing_file_holds_is_left_to_it()
    {
        var backing = new FakeNode(Mega).Put(0, Mega, 5);
        var source = new FakeNode(2 * Mega, backing: backing).Put(Cluster, Cluster, 6).PutZeroes(4 * Cluster, Cluster);
        var target = new FakeNode(2 * Mega, backing: backing);
        var options = NewTarget with { TargetHasBacking = true, TargetBackingLengthBytes = Mega };

        await new ConvertJob([source], target, options).RunAsync();

        Assert.Equal([$"write {Cluster}+{Cluster}", $"zero {4 * Cluster}+{Cluster}"], target.Log);
    }

    [Fact]
    public async Task A_source_that_ends_within_a_sector_is_filled_up()
    {
        var source = new FakeNode(1000).Put(0, 1000, 1);
        var target = new FakeNode(1024);

        await new ConvertJob([source], target, NewTarget).RunAsync();

        Assert.Equal(source.Content, target.Content[..1000]);
        Assert.Equal(0, target.Content[1000]);
    }

    [Fact]
    public async Task The_first_error_ends_the_job_with_its_place()
    {
        var source = new FakeNode(8 * Mega).Put(0, 8 * Mega, 1);
        source.UnreadableRanges.Add(new ByteRange(5 * Mega, 512));
        var job = new ConvertJob([source], new FakeNode(8 * Mega), NewTarget);
        BlockException failure = await Assert.ThrowsAsync<BlockException>(() => job.RunAsync().AsTask());
        Assert.Equal($"error while reading at byte {4 * Mega}: Input/output error", failure.Message);

        var target = new FakeNode(8 * Mega);
        target.UnwritableRanges.Add(new ByteRange(3 * Mega, 512));
        job = new ConvertJob([new FakeNode(8 * Mega).Put(0, 8 * Mega, 1)], target, NewTarget);
        failure = await Assert.ThrowsAsync<BlockException>(() => job.RunAsync().AsTask());
        Assert.Equal($"error while writing at byte {2 * Mega}: No space left on device", failure.Message);
    }

    [Fact]
    public async Task A_status_error_ends_the_job()
    {
        var source = new FakeNode(Mega).Put(0, Mega, 1);
        source.StatuslessRanges.Add(new ByteRange(0, 512));
        var job = new ConvertJob([source], new FakeNode(Mega), NewTarget);
        BlockException failure = await Assert.ThrowsAsync<BlockException>(() => job.RunAsync().AsTask());
        Assert.Equal("error while reading block status at offset 0: Input/output error", failure.Message);
    }

    [Fact]
    public async Task Salvage_loses_only_the_sectors_that_cannot_be_read()
    {
        var source = new FakeNode(Mega).Put(0, Mega, 1);
        source.UnreadableRanges.Add(new ByteRange(4096, 1024));
        source.StatuslessRanges.Add(new ByteRange(8192, 512));
        var target = new FakeNode(Mega);
        var warnings = new List<string>();

        await new ConvertJob([source], target, NewTarget with { Salvage = true, Warn = warnings.Add }).RunAsync();

        byte[] expected = source.Content.ToArray();
        expected.AsSpan(4096, 1024).Clear();
        Assert.Equal(expected, target.Content);
        Assert.Equal(
            [
                "error while reading block status at offset 8192: Input/output error",
                "error while reading offset 4096: Input/output error",
                "error while reading offset 4608: Input/output error",
                "error while reading block status at offset 8192: Input/output error",
            ],
            warnings);
    }

    [Fact]
    public async Task Progress_counts_data_only_and_ends_at_the_total()
    {
        var source = new FakeNode(16 * Mega).Put(0, Mega, 1).Put(2 * Mega, Mega, 1).Put(8 * Mega, 2 * Mega, 1);
        var seen = new List<JobProgress>();

        await new ConvertJob([source], new FakeNode(16 * Mega), NewTarget with { Progress = seen.Add }).RunAsync();

        Assert.Equal([Mega, 2 * Mega, 4 * Mega], seen.Select(progress => progress.BytesDone));
        Assert.All(seen, progress => Assert.Equal(4 * Mega, progress.BytesTotal));
    }

    [Fact]
    public async Task Cancelling_ends_the_job()
    {
        using var stop = new CancellationTokenSource();
        await stop.CancelAsync();
        var job = new ConvertJob([new FakeNode(Mega).Put(0, Mega, 1)], new FakeNode(Mega), NewTarget);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => job.RunAsync(stop.Token).AsTask());
    }
}
