using Xunit.Abstractions;

namespace Byre.Conformance.Tests.Counts;

/// <summary>
/// The work that guest requests make, in system calls and bytes on the image: the counts that speed is made of, which
/// do not vary as times do. A bound here is what a change must not exceed; `bench/run iocount` has the whole table.
/// </summary>
public sealed class CallCountTests(ITestOutputHelper output)
{
    private const int Writes = 100;

    /// <summary>A slice of the L2 table and one of the refcount block.</summary>
    private const int SlicesBytes = 8192;

    /// <summary>What opening, the first allocation and closing write: whole tables, the header.</summary>
    private const int FixedBytes = 80 << 10;

    [Theory]
    [InlineData("", 2)]
    [InlineData("extended_l2=on", 2)]
    [InlineData("lazy_refcounts=on", 4)]
    public void Allocating_writes_without_a_flush(string options, int syncs)
    {
        using CallCounter? counter = Begin(() => CallCounter.Plain(options));
        if (counter is null)
            return;
        CallCounts counts = Show(counter.Count(ScatteredWrites()));
        Assert.Equal(Writes, counts.DataWrites);
        Assert.Equal(Writes * 4096L, counts.DataBytes);
        Assert.InRange(counts.L2Writes, 1, 3);
        Assert.InRange(counts.RefcountWrites, 1, 2);
        Assert.InRange(counts.OtherWrites, 1, 3);
        Assert.InRange(counts.MetadataBytes, 0, FixedBytes);
        Assert.InRange(counts.Syncs, 1, syncs);
        Assert.Equal(0, counts.Allocations);
        Assert.Equal(0, counts.ImageReads);
    }

    [Theory]
    [InlineData("", Writes, Writes * (long)CallCounter.ClusterBytes)]
    [InlineData("extended_l2=on", 0, 0)]
    public void Allocating_writes_over_a_backing_file(string options, int copies, long copiedBytes)
    {
        using CallCounter? counter = Begin(() => CallCounter.Overlay(options));
        if (counter is null)
            return;
        CallCounts counts = Show(counter.Count(ScatteredWrites()));
        Assert.Equal(Writes, counts.DataWrites);
        Assert.InRange(counts.DataBytes, 0, Math.Max(copiedBytes, Writes * 4096L));
        Assert.InRange(counts.BackingReads, 0, copies);
        Assert.InRange(counts.Syncs, 1, 2);
        Assert.Equal(0, counts.Allocations);
    }

    [Theory]
    [InlineData("")]
    [InlineData("extended_l2=on")]
    [InlineData("lazy_refcounts=on")]
    public void Each_flush_of_an_allocation_costs_two_device_flushes_and_two_slices(string options)
    {
        using CallCounter? counter = Begin(() => CallCounter.Plain(options));
        if (counter is null)
            return;
        CallCounts counts = Show(counter.Count(ScatteredWrites().SelectMany(write => new[] { write, "flush" })));
        Assert.Equal(Writes, counts.DataWrites);
        Assert.InRange(counts.L2Writes, 1, Writes + 2);
        Assert.InRange(counts.RefcountWrites, 1, Writes + 1);
        Assert.InRange(counts.MetadataBytes, 0, (Writes * (long)SlicesBytes) + FixedBytes);
        Assert.InRange(counts.Syncs, Writes, (2 * Writes) + 2);
        Assert.Equal(0, counts.Allocations);
    }

    [Fact]
    public void A_flush_without_an_allocation_costs_one_device_flush_and_no_metadata()
    {
        using CallCounter? counter = Begin(() => CallCounter.Plain());
        if (counter is null)
            return;
        counter.Prepare(["write -q -P 1 0 16M"]);
        CallCounts counts = Show(counter.Count(ScatteredWrites().SelectMany(write => new[] { write, "flush" })));
        Assert.Equal(Writes, counts.DataWrites);
        Assert.Equal(0, counts.L2Writes + counts.RefcountWrites + counts.OtherWrites);
        Assert.Equal(Writes, counts.Syncs);
    }

    [Fact]
    public void Sequential_pages_over_a_backing_file_copy_each_cluster_once()
    {
        using CallCounter? counter = Begin(() => CallCounter.Overlay());
        if (counter is null)
            return;
        const int Clusters = (Writes + 15) / 16;
        CallCounts counts = Show(counter.Count(
            Enumerable.Range(0, Writes).Select(i => $"write -q -P {i + 1} {i * 4096} 4k")));
        Assert.InRange(counts.DataWrites, 1, Writes);
        Assert.InRange(counts.BackingReads, 0, Clusters);
        const int Bytes = ((Writes - Clusters) * 4096) + (Clusters * CallCounter.ClusterBytes);
        Assert.InRange(counts.DataBytes, 0, Bytes);
        Assert.InRange(counts.Syncs, 1, 2);
    }

    /// <summary>One that crosses into the next cluster overwrites and allocates by the same write.</summary>
    [Fact]
    public void Sequential_writes_across_clusters_are_one_write_each()
    {
        using CallCounter? counter = Begin(() => CallCounter.Plain());
        if (counter is null)
            return;
        CallCounts counts = Show(counter.Count(
            Enumerable.Range(0, Writes).Select(i => $"write -q -P {i + 1} {i * 6000} 6000")));
        Assert.Equal(Writes, counts.DataWrites);
        Assert.Equal(Writes * 6000L, counts.DataBytes);
    }

    /// <summary>The rest of a subcluster that nobody ever wrote is not written either, whatever its size.</summary>
    [Fact]
    public void Writes_into_subclusters_of_new_clusters_write_no_zeroes()
    {
        using CallCounter? counter = Begin(() => CallCounter.Plain("cluster_size=2M,extended_l2=on"));
        if (counter is null)
            return;
        CallCounts counts = Show(counter.Count(ScatteredWrites()));
        Assert.Equal(Writes, counts.DataWrites);
        Assert.Equal(Writes * 4096L, counts.DataBytes);
        Assert.Equal(0, counts.Allocations);
    }

    [Fact]
    public void Zeroes_of_whole_clusters_write_no_data()
    {
        using CallCounter? counter = Begin(() => CallCounter.Overlay());
        if (counter is null)
            return;
        CallCounts counts = Show(counter.Count(
            Enumerable.Range(0, Writes).Select(i => $"write -q -z {i * 2L * CallCounter.ClusterBytes} 64k")));
        Assert.Equal(0, counts.DataWrites + counts.BackingReads + counts.Allocations);
        Assert.InRange(counts.L2Writes, 1, 3);
        Assert.InRange(counts.Syncs, 1, 2);
    }

    [Fact]
    public void Discards_are_flushed_together()
    {
        using CallCounter? counter = Begin(() => CallCounter.Plain());
        if (counter is null)
            return;
        counter.Prepare(["write -q -P 1 0 16M"]);
        CallCounts counts = Show(counter.Count(
            Enumerable.Range(0, Writes).Select(i => $"discard -q {i * 2L * CallCounter.ClusterBytes} 64k")));
        Assert.Equal(0, counts.DataWrites);
        Assert.InRange(counts.L2Writes + counts.RefcountWrites, 1, 4);
        Assert.InRange(counts.Syncs, 1, 3);
        Assert.InRange(counts.Allocations, 1, Writes);
    }

    [Fact]
    public void Compressed_clusters_are_gathered_and_written_together()
    {
        using CallCounter? counter = Begin(() => CallCounter.Plain());
        if (counter is null)
            return;
        CallCounts counts = Show(counter.Count(
            Enumerable.Range(0, Writes).Select(i => $"write -q -c -P {i + 1} {i * 2 * CallCounter.ClusterBytes} 64k")));

        // All of them fit one host cluster.
        Assert.InRange(counts.DataWrites, 1, 2);
        Assert.InRange(counts.DataBytes, 1, CallCounter.ClusterBytes);
        Assert.Equal(0, counts.ImageReads);
        Assert.InRange(counts.L2Writes, 1, 3);
        Assert.InRange(counts.Syncs, 1, 2);
    }

    [Fact]
    public void A_log_of_interrupted_calls_is_put_together()
    {
        string[] log =
        [
            "12 pwrite64(7</a b/disk.qcow2>, \"\"..., 4096, 65536 <unfinished ...>",
            "13 fdatasync(7</a b/disk.qcow2>)      = 0",
            "12 <... pwrite64 resumed>)            = 4096",
            "14 preadv(8</base.qcow2>, [{iov_base=\"\"..., iov_len=512}], 1, 1024) = 512",
            "14 fallocate(7</a b/disk.qcow2>, FALLOC_FL_KEEP_SIZE|FALLOC_FL_PUNCH_HOLE, 4096, 8192) = 0",
            "14 +++ exited with 0 +++",
        ];
        Assert.Equal(
            [
                new TracedCall("fdatasync", "/a b/disk.qcow2", 0, 0),
                new TracedCall("pwrite64", "/a b/disk.qcow2", 4096, 65536),
                new TracedCall("preadv", "/base.qcow2", 512, 1024),
                new TracedCall("fallocate", "/a b/disk.qcow2", 0, 8192),
            ],
            StraceLog.Parse(log));
    }

    private static IEnumerable<string> ScatteredWrites() =>
        Enumerable.Range(0, Writes).Select(i => $"write -q -P {i + 1} {CallCounter.PageAt(i)} 4k");

    private CallCounter? Begin(Func<CallCounter> create)
    {
        if (CallCounter.IsPossible)
            return create();
        bool mustRun = Environment.GetEnvironmentVariable("CI") == "true";
        Assert.False(mustRun, "strace is missing, or may not trace, and CI=true demands it");
        output.WriteLine("skipped: no strace, or it may not trace");
        return null;
    }

    private CallCounts Show(CallCounts counts)
    {
        output.WriteLine(counts.ToString());
        return counts;
    }
}
