using Byre.Block.Threading;
using Byre.Qcow2.WriteCache;

namespace Byre.Qcow2.Tests.WriteCache;

/// <summary>The contract of the write cache, point by point, on a target of clusters of 4 KiB.</summary>
public sealed class ClusterWriteCacheTests
{
    private const int Cluster = 4096;

    [Fact]
    public async Task A_cluster_is_written_once_as_soon_as_it_is_full()
    {
        var target = new RecordingTarget();
        await using ClusterWriteCache cache = Make(target);
        byte[] data = Data(3 * Cluster);
        for (int offset = 0; offset < data.Length; offset += 96)
            await cache.StoreAsync(offset, data.AsSpan(offset, 96));
        Assert.Equal([(0, Cluster), (Cluster, Cluster), (2 * Cluster, Cluster)], target.Writes);
        Assert.True(target.Content[..data.Length].SequenceEqual(data));
        Assert.True(cache.IsEmpty);
        Assert.Equal(new WriteCacheStatistics(0, 3, 0, 0, 0, 8 * Cluster), cache.Statistics);
    }

    [Fact]
    public async Task The_order_of_the_stores_does_not_matter()
    {
        var target = new RecordingTarget();
        await using ClusterWriteCache cache = Make(target);
        byte[] data = Data(2 * Cluster);
        int[] starts = [.. Enumerable.Range(0, 64).Select(static i => i * 128)];
        new Random(1).Shuffle(starts);
        foreach (int start in starts)
            await cache.StoreAsync(start, data.AsSpan(start, 128));
        Assert.Equal(2, target.Writes.Length);
        Assert.True(target.Content[..data.Length].SequenceEqual(data));
    }

    [Fact]
    public async Task What_is_held_is_read_from_the_cache()
    {
        var target = new RecordingTarget();
        await using ClusterWriteCache cache = Make(target);
        byte[] data = Data(300);
        await cache.StoreAsync(Cluster, data);
        byte[] read = new byte[512];
        Assert.True(cache.TryRead(Cluster, read));
        Assert.True(read.AsSpan(0, 300).SequenceEqual(data));
        Assert.Equal(-1, read.AsSpan(300).IndexOfAnyExcept((byte)0));
        Assert.False(cache.TryRead(0, read));
        Assert.False(cache.TryRead(2 * Cluster, read));
        Assert.Equal(1, cache.Statistics.Hits);
        Assert.Empty(target.Writes);
    }

    [Fact]
    public async Task A_flush_writes_parts_and_keeps_them_for_the_next_write()
    {
        var target = new RecordingTarget { AlignmentBytes = 512 };
        await using ClusterWriteCache cache = Make(target);
        byte[] data = Data(Cluster);
        await cache.StoreAsync(0, data.AsSpan(0, 700));
        await cache.FlushAsync();
        await cache.FlushAsync();
        await cache.StoreAsync(700, data.AsSpan(700, 100));
        await cache.FlushAsync();
        await cache.StoreAsync(800, data.AsSpan(800));
        Assert.Equal([(0, 1024), (512, 512), (512, Cluster - 512)], target.Writes);
        Assert.True(target.Content[..Cluster].SequenceEqual(data));
        Assert.Equal(2, cache.Statistics.PartialWrites);
        Assert.True(cache.IsEmpty);
    }

    [Theory]
    [InlineData(1, 700)]
    [InlineData(512, 1024)]
    [InlineData(4096, 4096)]
    [InlineData(65536, 4096)]
    public async Task An_end_is_padded_to_the_alignment_and_at_most_to_the_cluster(int alignment, int written)
    {
        var target = new RecordingTarget { AlignmentBytes = alignment };
        await using ClusterWriteCache cache = Make(target);
        await cache.StoreAsync(0, Data(700));
        cache.End(700);
        Assert.Empty(target.Writes);
        await cache.StoreAsync(2 * Cluster, Data(10));
        Assert.Equal([(0, written)], target.Writes);
        Assert.Equal(Cluster, cache.Statistics.HeldBytes);
        Assert.Equal(0, cache.Statistics.PartialWrites);
    }

    [Fact]
    public async Task An_end_before_the_data_waits_for_it()
    {
        var target = new RecordingTarget();
        await using ClusterWriteCache cache = Make(target);
        cache.End(500);
        await cache.StoreAsync(100, Data(400));
        Assert.Empty(target.Writes);
        await cache.StoreAsync(0, Data(100));
        Assert.Equal([(0, 500)], target.Writes);
        Assert.True(cache.IsEmpty);
    }

    [Fact]
    public async Task Nobody_waits_for_what_will_not_come()
    {
        var target = new RecordingTarget();
        await using ClusterWriteCache cache = Make(target);
        await cache.StoreAsync(0, Data(1000));
        cache.Skip(1000, Cluster);
        await cache.StoreAsync(Cluster + 1000, Data(10));
        Assert.Equal([(0, 1000)], target.Writes);
        Assert.Equal(Cluster, cache.Statistics.HeldBytes);
    }

    [Fact]
    public async Task A_flush_writes_what_was_stored_while_a_write_was_under_way()
    {
        var target = new RecordingTarget { Holds = true };
        await using ClusterWriteCache cache = Make(target);
        await cache.StoreAsync(0, Data(100));
        Task first = cache.FlushAsync().AsTask();
        await cache.StoreAsync(100, Data(100));
        Task second = cache.FlushAsync().AsTask();
        Assert.Single(target.Writes);
        target.Holds = false;
        target.Release(0);
        await first;
        await second;
        Assert.Equal([(0, 100), (100, 100)], target.Writes);
        Assert.True(target.Content[..100].SequenceEqual(Data(100)));
    }

    [Fact]
    public async Task A_full_cluster_is_written_behind_its_store()
    {
        var target = new RecordingTarget { Holds = true };
        await using ClusterWriteCache cache = Make(target);
        for (int i = 0; i < 3; i++)
            await cache.StoreAsync(i * Cluster, Data(Cluster));
        Assert.Equal(3, target.Writes.Length);
        Assert.True(cache.TryRead(Cluster, new byte[10]));
        Task flush = cache.FlushAsync().AsTask();
        target.Release(1);
        target.Release(2);
        Assert.False(flush.IsCompleted);
        target.Release(0);
        await flush;
        Assert.True(cache.IsEmpty);
    }

    [Fact]
    public async Task A_store_waits_for_room()
    {
        var target = new RecordingTarget { Holds = true };
        await using ClusterWriteCache cache = Make(target, maxClusters: 1);
        await cache.StoreAsync(0, Data(Cluster));
        Task store = cache.StoreAsync(Cluster, Data(10)).AsTask();
        Assert.False(store.IsCompleted);
        Assert.True(cache.TryRead(Cluster, new byte[10]));
        target.Release(0);
        await store;
        // Clusters that are not complete cannot go: they may be more than there is room for.
        await cache.StoreAsync(3 * Cluster, Data(10));
        target.Holds = false;
    }

    [Fact]
    public async Task A_dropped_cluster_is_never_written()
    {
        var target = new RecordingTarget();
        await using ClusterWriteCache cache = Make(target);
        await cache.StoreAsync(0, Data(100));
        Assert.Null(cache.TryDrop(0));
        Assert.Null(cache.TryDrop(Cluster));
        Assert.False(cache.TryRead(0, new byte[10]));
        await cache.FlushAsync();
        Assert.Empty(target.Writes);
        Assert.Equal(1, cache.Statistics.Drops);
    }

    [Fact]
    public async Task A_cluster_whose_write_is_under_way_is_dropped_after_it()
    {
        var target = new RecordingTarget { Holds = true };
        await using ClusterWriteCache cache = Make(target);
        await cache.StoreAsync(0, Data(100));
        Task flush = cache.FlushAsync().AsTask();
        Task? ended = cache.TryDrop(0);
        Assert.NotNull(ended);
        Assert.False(ended.IsCompleted);
        target.Release(0);
        await ended;
        Assert.Null(cache.TryDrop(0));
        await flush;
        Assert.True(cache.IsEmpty);
    }

    [Fact]
    public async Task A_failure_reaches_who_caused_it_and_loses_nothing()
    {
        var target = new RecordingTarget { Fails = true };
        await using ClusterWriteCache cache = Make(target);
        await Assert.ThrowsAsync<IOException>(async () => await cache.StoreAsync(0, Data(Cluster)));
        await Assert.ThrowsAsync<IOException>(async () => await cache.RetryAsync());
        await cache.StoreAsync(Cluster, Data(100));
        await Assert.ThrowsAsync<IOException>(async () => await cache.FlushAsync());
        Assert.True(cache.TryRead(0, new byte[10]));
        target.Fails = false;
        await cache.FlushAsync();
        Assert.True(target.Content[..Cluster].SequenceEqual(Data(Cluster)));
        Assert.True(target.Content.Slice(Cluster, 100).SequenceEqual(Data(100)));
        await cache.RetryAsync();
        Assert.Equal(Cluster, cache.Statistics.HeldBytes);
    }

    [Fact]
    public async Task A_failure_behind_a_store_reaches_the_next_retry_or_flush()
    {
        var target = new RecordingTarget { Holds = true };
        await using ClusterWriteCache cache = Make(target);
        await cache.StoreAsync(0, Data(Cluster));
        Task flush = cache.FlushAsync().AsTask();
        target.Fails = true;
        target.Holds = false;
        target.Release(0);
        await Assert.ThrowsAsync<IOException>(() => flush);
        await Assert.ThrowsAsync<IOException>(async () => await cache.RetryAsync());
        target.Fails = false;
        await cache.RetryAsync();
        Assert.True(cache.IsEmpty);
    }

    [Fact]
    public async Task What_cannot_be_written_keeps_its_room()
    {
        var target = new RecordingTarget { Fails = true };
        await using ClusterWriteCache cache = Make(target, maxClusters: 1);
        await Assert.ThrowsAsync<IOException>(async () => await cache.StoreAsync(0, Data(Cluster)));
        await Assert.ThrowsAsync<IOException>(async () => await cache.StoreAsync(Cluster, Data(10)));
        target.Fails = false;
        await cache.StoreAsync(Cluster + 10, Data(10));
        Assert.Equal(Cluster, cache.Statistics.HeldBytes);
    }

    [Fact]
    public async Task Many_writers_and_flushes_at_once_lose_nothing()
    {
        var target = new RecordingTarget { AlignmentBytes = 512, DelayMs = 1 };
        await using ClusterWriteCache cache = Make(target, maxClusters: 4);
        const int Piece = 1000;
        byte[] data = Data(200 * Piece);
        int next = -1;
        async Task WriteAsync()
        {
            for (int i = Interlocked.Increment(ref next); i < 200; i = Interlocked.Increment(ref next))
            {
                await cache.StoreAsync(i * Piece, data.AsSpan(i * Piece, Piece));
                if (i % 17 == 0)
                    await cache.FlushAsync();
            }
        }

        await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => Task.Run(WriteAsync)));
        await cache.FlushAsync();
        Assert.True(target.Content[..data.Length].SequenceEqual(data));
        Assert.Equal(Cluster, cache.Statistics.HeldBytes);
        cache.EndAll();
        Assert.True(cache.IsEmpty);
    }

    private static ClusterWriteCache Make(RecordingTarget target, int maxClusters = 8) =>
        new(target, Cluster, CompletionScheduler.ThreadPool) { MaxClusters = maxClusters };

    private static byte[] Data(int length) =>
        [.. Enumerable.Range(0, length).Select(static i => (byte)(1 + (i % 251)))];
}
