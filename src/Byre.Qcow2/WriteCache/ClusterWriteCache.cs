using Byre.Block.Buffers;
using Byre.Block.Errors;
using Byre.Block.Threading;

namespace Byre.Qcow2.WriteCache;

/// <summary>
/// Gathers small writes that follow each other without being aligned to anything, and writes each cluster once, whole
/// and aligned, as soon as it is full. Knows nothing of qcow2: offsets are bytes of its target.
/// <para><b>Who uses it</b> owns the clusters that he stores into, fills each from its first byte on (in any order),
/// and says where one ends that he will not fill. Then the cache needs to read nothing: what nobody has stored is
/// nobody's and may become zeroes. A cluster stays until it is complete and on the target, or is dropped.</para>
/// <para><b>What is promised.</b> After <see cref="FlushAsync"/> everything stored before is on the target (handed to
/// it: making it durable is the caller's). Before, everything is in <see cref="TryRead"/>. A write that fails loses
/// nothing: the data is held, and who retries it next (<see cref="StoreAsync"/>, <see cref="RetryAsync"/>,
/// <see cref="FlushAsync"/>) gets the failure where it fails again.</para>
/// <para><b>Threading.</b> All members may be called from any thread. Those that return no task take a leaf lock for
/// the time of a copy, so they may be called under other locks. Never two writes of one cluster are under way; waiters
/// go on outside of the lock, by the scheduler, once the write that they wait for is over.</para>
/// </summary>
internal sealed partial class ClusterWriteCache(
    IWriteCacheTarget target, int clusterBytes, CompletionScheduler scheduler) : IAsyncDisposable
{
    private readonly Lock _lock = new();
    private readonly Dictionary<long, GatheredCluster> _clusters = [];

    /// <summary>Complete clusters whose write nobody has begun.</summary>
    private readonly Queue<GatheredCluster> _ready = new();

    private int _failures;
    private long _hits;
    private long _writes;
    private long _partialWrites;
    private long _drops;

    /// <summary>
    /// Clusters that may be held before <see cref="StoreAsync"/> waits for one to be written; at least 1.
    /// </summary>
    public required int MaxClusters { get; init; }

    /// <summary>True where nothing is held.</summary>
    public bool IsEmpty
    {
        get
        {
            lock (_lock)
                return _clusters.Count == 0;
        }
    }

    /// <summary>The counters as they are now.</summary>
    public WriteCacheStatistics Statistics
    {
        get
        {
            lock (_lock)
            {
                return new WriteCacheStatistics(
                    _hits,
                    _writes,
                    _partialWrites,
                    _drops,
                    (long)_clusters.Count * clusterBytes,
                    (long)MaxClusters * clusterBytes);
            }
        }
    }

    /// <summary>
    /// Takes bytes, which may reach over a border of clusters; they are held when this returns, before the task ends.
    /// Begins the writes of clusters that became complete, without waiting for them, and waits for others where too
    /// many are held.
    /// </summary>
    /// <exception cref="Exception">
    /// A write failed that this call began or waited for. The bytes are held all the same; a caller that takes this for
    /// the failure of its request must not refer to them.
    /// </exception>
    public ValueTask StoreAsync(long offset, ReadOnlySpan<byte> bytes)
    {
        bool isSettled;
        lock (_lock)
        {
            while (!bytes.IsEmpty)
            {
                GatheredCluster cluster = GetOrAdd(offset);
                int start = (int)(offset - cluster.Offset);
                int count = Math.Min(bytes.Length, clusterBytes - start);
                bytes[..count].CopyTo(cluster.Content.Span[start..]);
                cluster.MarkDirty(start, start + count);
                Fill(cluster, start, start + count);
                offset += count;
                bytes = bytes[count..];
            }

            isSettled = _ready.Count == 0 && _clusters.Count <= MaxClusters;
        }

        return isSettled ? default : SettleAsync();
    }

    /// <summary>
    /// These bytes will never be stored: nobody waits for them. For a request that failed before it could.
    /// </summary>
    public void Skip(long offset, long lengthBytes)
    {
        long end = offset + lengthBytes;
        lock (_lock)
        {
            while (offset < end)
            {
                GatheredCluster cluster = GetOrAdd(offset);
                int start = (int)(offset - cluster.Offset);
                int count = (int)Math.Min(end - offset, clusterBytes - start);
                Fill(cluster, start, start + count);
                offset += count;
            }
        }
    }

    /// <summary>
    /// Nothing will be stored at <paramref name="offset"/> or behind it in its cluster. What was announced before it
    /// may still come. The next <see cref="StoreAsync"/> or <see cref="FlushAsync"/> writes the cluster.
    /// </summary>
    public void End(long offset)
    {
        lock (_lock)
            End(GetOrAdd(offset), (int)(offset & (clusterBytes - 1)));
    }

    /// <summary>Nothing will be stored into any cluster that is held.</summary>
    public void EndAll()
    {
        lock (_lock)
        {
            foreach (GatheredCluster cluster in _clusters.Values.ToArray())
                End(cluster, cluster.Filled.End);
        }
    }

    /// <summary>
    /// Copies bytes of one cluster if the cluster is held; else the target has them. Where nobody stored anything, they
    /// are zeroes.
    /// </summary>
    public bool TryRead(long offset, Span<byte> destination)
    {
        lock (_lock)
        {
            if (_clusters.Count == 0 || !_clusters.TryGetValue(StartOf(offset), out GatheredCluster? cluster))
                return false;
            cluster.Content.Span.Slice((int)(offset - cluster.Offset), destination.Length).CopyTo(destination);
            _hits++;
            return true;
        }
    }

    /// <summary>
    /// Forgets a cluster that was freed, and what of it was not written. Returns null when it is gone, or was not
    /// there. While a write of it is under way it stays: the result is the end of that write, after which this is to be
    /// called again. The cluster must not be used for anything else before.
    /// </summary>
    public Task? TryDrop(long offset)
    {
        lock (_lock)
        {
            if (_clusters.Count == 0 || !_clusters.TryGetValue(StartOf(offset), out GatheredCluster? cluster))
                return null;
            if (cluster.IsBeingWritten)
                return Wait(cluster);
            Remove(cluster);
            _drops++;
            return null;
        }
    }

    /// <summary>Writes again what could not be written. To be asked before more is promised to anyone.</summary>
    /// <exception cref="Exception">It failed again.</exception>
    public ValueTask RetryAsync() =>
        Volatile.Read(ref _failures) == 0 ? default : WriteAllAsync(static cluster => cluster.Failure is not null);

    /// <summary>
    /// Has everything written that was stored before the call, complete clusters and parts of others; a part is padded
    /// to the target's alignment and stays in memory until its cluster is complete.
    /// </summary>
    /// <exception cref="Exception">A write failed; the others were made.</exception>
    public ValueTask FlushAsync() => IsEmpty
        ? default
        : WriteAllAsync(static cluster => cluster.IsDirty || cluster.IsBeingWritten);

    /// <summary>Waits for the writes under way and gives the memory back. What was not flushed is lost.</summary>
    public async ValueTask DisposeAsync()
    {
        while (true)
        {
            Task? writing = null;
            lock (_lock)
            {
                foreach (GatheredCluster cluster in _clusters.Values.ToArray())
                {
                    if (!cluster.IsBeingWritten)
                        Remove(cluster);
                    else
                        writing ??= Wait(cluster);
                }
            }

            if (writing is null)
                return;
            await writing.ConfigureAwait(false);
        }
    }

    private long StartOf(long offset) => offset & -(long)clusterBytes;

    private GatheredCluster GetOrAdd(long offset)
    {
        long start = StartOf(offset);
        if (_clusters.TryGetValue(start, out GatheredCluster? cluster))
            return cluster;
        cluster = new GatheredCluster(start, IoBufferPool.Shared.RentZeroed(clusterBytes));
        _clusters.Add(start, cluster);
        return cluster;
    }

    private void Fill(GatheredCluster cluster, int start, int end)
    {
        Invariant.That(end <= cluster.EndBytes);
        cluster.Filled.Add(start, end);
        SeeWhetherComplete(cluster);
    }

    private void End(GatheredCluster cluster, int end)
    {
        Invariant.That(end >= cluster.Filled.End);
        cluster.EndBytes = end;
        SeeWhetherComplete(cluster);
    }

    private void SeeWhetherComplete(GatheredCluster cluster)
    {
        // One that is being written is looked at again when that is over.
        if (cluster.IsBeingWritten || !cluster.IsComplete)
            return;
        if (cluster.IsDirty)
            _ready.Enqueue(cluster);
        else
            Remove(cluster);
    }

    private void Remove(GatheredCluster cluster)
    {
        Invariant.That(_clusters.Remove(cluster.Offset));
        Note(cluster, null);
        cluster.IsGone = true;
        cluster.Content.Return();
    }

    private void Note(GatheredCluster cluster, Exception? failure)
    {
        _failures += (failure is null ? 0 : 1) - (cluster.Failure is null ? 0 : 1);
        cluster.Failure = failure;
    }
}
