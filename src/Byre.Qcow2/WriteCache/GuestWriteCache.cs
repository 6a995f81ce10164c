using Byre.Block.Buffers;
using Byre.Block.Errors;
using Byre.Block.Requests;

namespace Byre.Qcow2.WriteCache;

/// <summary>
/// Guest data of clusters that are not allocated yet, gathered until a cluster is whole: it is written once then, and
/// nothing is copied into it. The data is nowhere else: what is stored here must be written out before a flush ends.
/// <para><b>Who uses it</b> holds an exclusive lease on a cluster's guest range whenever he stores into it, writes it
/// out or removes it; reading needs none.</para>
/// <para><b>Threading.</b> All members may be called from any thread; they take a leaf lock for the time of a
/// copy.</para>
/// </summary>
internal sealed class GuestWriteCache(int clusterBytes, int maxClusters, TimeProvider clock) : IDisposable
{
    private readonly Lock _lock = new();
    private readonly Dictionary<long, Entry> _entries = [];
    private volatile int _count;
    private long _lastEnd = -1;
    private long _hits;
    private long _writes;
    private long _partialWrites;

    /// <summary>True where nothing is held.</summary>
    public bool IsEmpty => _count == 0;

    /// <summary>True where a cluster must be written out before another can be begun.</summary>
    public bool IsFull => _count >= maxClusters;

    public WriteCacheStatistics Statistics
    {
        get
        {
            lock (_lock)
            {
                return new WriteCacheStatistics(
                    _hits, _writes, _partialWrites, 0, (long)_count * clusterBytes, (long)maxClusters * clusterBytes);
            }
        }
    }

    /// <summary>
    /// True for a write that is worth gathering: it goes on where the last one ended, begins a cluster, or belongs to
    /// one that is held. Remembers where it ends.
    /// </summary>
    public bool Wants(ByteRange write)
    {
        lock (_lock)
        {
            bool isNext = write.Offset == _lastEnd || write.Offset % clusterBytes == 0;
            _lastEnd = write.End;
            return isNext || _entries.ContainsKey(write.Offset / clusterBytes);
        }
    }

    public bool Holds(long cluster)
    {
        lock (_lock)
            return _entries.ContainsKey(cluster);
    }

    /// <summary>The clusters of <paramref name="range"/> that are held, in ascending order.</summary>
    public long[] ClustersIn(ByteRange range)
    {
        if (IsEmpty || range.IsEmpty)
            return [];
        lock (_lock)
        {
            long first = range.Offset / clusterBytes;
            long last = (range.End - 1) / clusterBytes;
            return [.. _entries.Keys.Where(cluster => cluster >= first && cluster <= last).Order()];
        }
    }

    /// <summary>The clusters that nothing was stored into for <paramref name="age"/>.</summary>
    public long[] ClustersOlderThan(TimeSpan age)
    {
        lock (_lock)
        {
            return
            [
                .. _entries.Where(entry => clock.GetElapsedTime(entry.Value.UsedTimestamp) >= age)
                    .Select(entry => entry.Key).Order(),
            ];
        }
    }

    /// <summary>The cluster that nothing was stored into for the longest time; null where nothing is held.</summary>
    public long? Oldest()
    {
        lock (_lock)
            return _entries.Count == 0 ? null : _entries.MinBy(static entry => entry.Value.UsedTimestamp).Key;
    }

    /// <summary>Stores bytes of one cluster; true where the cluster's first <paramref name="wholeBytes"/> are there
    /// now.</summary>
    public bool Store(long offset, in IoVector bytes, int wholeBytes)
    {
        long cluster = offset / clusterBytes;
        int start = (int)(offset % clusterBytes);
        int end = start + (int)bytes.Length;
        Invariant.That(end <= clusterBytes);
        lock (_lock)
        {
            if (!_entries.TryGetValue(cluster, out Entry? entry))
            {
                entry = new Entry(IoBufferPool.Shared.Rent(clusterBytes));
                _entries.Add(cluster, entry);
                _count = _entries.Count;
            }

            bytes.CopyTo(entry.Buffer.Span[start..]);
            entry.Filled.Add(start, end);
            entry.UsedTimestamp = clock.GetTimestamp();
            return entry.Filled.CoverTo(wholeBytes);
        }
    }

    /// <summary>
    /// What is held of a cluster: guest ranges and their bytes, which stay good until <see cref="Remove"/>.
    /// </summary>
    public (long Offset, Memory<byte> Bytes)[] PartsOf(long cluster)
    {
        lock (_lock)
        {
            if (!_entries.TryGetValue(cluster, out Entry? entry))
                return [];
            return
            [
                .. entry.Filled.All.Select(range =>
                    ((cluster * clusterBytes) + range.Start, entry.Buffer.Memory[range.Start..range.End])),
            ];
        }
    }

    /// <summary>A cluster was written out, in so many parts.</summary>
    public void Remove(long cluster, int parts, bool isWhole)
    {
        lock (_lock)
        {
            if (!_entries.Remove(cluster, out Entry? entry))
                return;
            _count = _entries.Count;
            _writes += parts;
            if (!isWhole)
                _partialWrites += parts;
            entry.Buffer.Return();
        }
    }

    /// <summary>Copies of what is held of a range; null where nothing is.</summary>
    public List<(long Offset, byte[] Bytes)>? Capture(ByteRange range)
    {
        if (IsEmpty)
            return null;
        List<(long Offset, byte[] Bytes)>? found = null;
        lock (_lock)
        {
            foreach ((long cluster, Entry entry) in _entries)
            {
                long start = cluster * clusterBytes;
                if (start >= range.End || start + clusterBytes <= range.Offset)
                    continue;
                foreach ((int filledStart, int filledEnd) in entry.Filled.All)
                {
                    long from = Math.Max(start + filledStart, range.Offset);
                    long to = Math.Min(start + filledEnd, range.End);
                    if (from < to)
                        (found ??= []).Add((from, entry.Buffer.Span[(int)(from - start)..(int)(to - start)].ToArray()));
                }
            }

            if (found is not null)
                _hits++;
        }

        return found;
    }

    /// <summary>Forgets everything.</summary>
    public void Dispose()
    {
        lock (_lock)
        {
            foreach (Entry entry in _entries.Values)
                entry.Buffer.Return();
            _entries.Clear();
            _count = 0;
        }
    }

    private sealed class Entry(IoBuffer buffer)
    {
        public IoBuffer Buffer { get; } = buffer;

        public FilledRanges Filled { get; } = new();

        public long UsedTimestamp { get; set; }
    }
}
