using System.Buffers;
using Byre.Block.Errors;
using Byre.Qcow2.Layout;

namespace Byre.Qcow2.Check;

/// <summary>
/// What scanning a batch of L2 tables found, in the order of the entries: runs of host clusters, packed in a word
/// each, and between them rare events. Filled by one thread, then read by another; disposing gives the memory back.
/// </summary>
internal sealed class L2ScanLog : IDisposable
{
    /// <summary>Longest run that fits a word.</summary>
    private const int MaxRunClusters = 1 << RunBits;

    private const int RunBits = 16;
    private const ulong EventMark = ulong.MaxValue;

    private readonly List<L2ScanEvent> _events = [];
    private readonly List<int> _tableEnds = [];
    private ulong[] _items = ArrayPool<ulong>.Shared.Rent(1024);
    private int _count;
    private int _read;
    private int _eventsRead;
    private int _tablesRead;

    public long AllocatedClusters { get; set; }

    public long FragmentedClusters { get; set; }

    public long CompressedClusters { get; set; }

    public L2Tally Tally => new(AllocatedClusters, FragmentedClusters, CompressedClusters);

    /// <summary>True where some entry with a host cluster lacks the copied flag.</summary>
    public bool HasUncopied { get; set; }

    public void AddRun(HostCluster first, int count)
    {
        for (; count > MaxRunClusters; count -= MaxRunClusters, first += MaxRunClusters)
            Add(((ulong)first.Index << RunBits) | (MaxRunClusters - 1));
        Add(((ulong)first.Index << RunBits) | (uint)(count - 1));
    }

    public void AddEvent(in L2ScanEvent found)
    {
        Add(EventMark);
        _events.Add(found);
    }

    public void EndTable() => _tableEnds.Add(_count);

    /// <summary>
    /// Steps through the table that is next: true with a run (<paramref name="found"/> is null) or an event; false at
    /// the table's end, after which the next call begins the next table.
    /// </summary>
    public bool TryRead(out HostCluster first, out int count, out L2ScanEvent? found)
    {
        first = default;
        count = 0;
        found = null;
        Invariant.That(_tablesRead < _tableEnds.Count);
        if (_read == _tableEnds[_tablesRead])
        {
            _tablesRead++;
            return false;
        }

        ulong item = _items[_read++];
        if (item == EventMark)
        {
            found = _events[_eventsRead++];
            return true;
        }

        first = new HostCluster((long)(item >> RunBits));
        count = (int)(item & (MaxRunClusters - 1)) + 1;
        return true;
    }

    /// <summary>Goes on to the next table.</summary>
    public void SkipTable()
    {
        while (TryRead(out _, out _, out _))
        {
        }
    }

    public void Dispose()
    {
        ArrayPool<ulong>.Shared.Return(_items);
        _items = [];
    }

    private void Add(ulong item)
    {
        if (_count == _items.Length)
        {
            ulong[] larger = ArrayPool<ulong>.Shared.Rent(_count * 2);
            _items.AsSpan(0, _count).CopyTo(larger);
            ArrayPool<ulong>.Shared.Return(_items);
            _items = larger;
        }

        _items[_count++] = item;
    }
}
