using System.Numerics;
using System.Runtime.InteropServices;
using Byre.Block.Errors;
using Byre.Qcow2.Layout;

namespace Byre.Qcow2.Check;

/// <summary>
/// A reference count for every cluster of the file: first the references that the check found, later what the refcount
/// structure says. One byte a cluster, in pages that exist only where a count is not zero; counts of 255 and more are
/// in a dictionary beside them. Memory follows the clusters that are used, not what tables claim. Not thread-safe.
/// </summary>
internal sealed class RefcountCensus
{
    /// <summary>Clusters of a page: a page is never longer than this and always aligned to it.</summary>
    public const int PageClusters = 1 << PageBits;

    private const long MaxClusterCount = 1L << 32;
    private const int PageBits = 15;
    private const byte Escape = 255;

    private static readonly byte[] ZeroPage = new byte[PageClusters];

    private readonly byte _fastLimit;
    private Dictionary<long, ulong> _large = [];
    private byte[]?[] _pages = [];

    public RefcountCensus(ulong refcountMax, long clusterCount)
    {
        RefcountMax = refcountMax;
        _fastLimit = (byte)Math.Min(refcountMax, Escape - 1);
        GrowTo(clusterCount);
    }

    /// <summary>Counts stop here.</summary>
    public ulong RefcountMax { get; }

    /// <summary>Clusters that have a count.</summary>
    public long ClusterCount { get; private set; }

    /// <summary>True where some count is 255 or more.</summary>
    public bool HasLargeCounts => _large.Count > 0;

    /// <summary>The count of a cluster below <see cref="ClusterCount"/>.</summary>
    public ulong this[long cluster]
    {
        get
        {
            Invariant.That((ulong)cluster < (ulong)ClusterCount);
            byte small = _pages[cluster >> PageBits] is { } page ? page[cluster & (PageClusters - 1)] : (byte)0;
            return small == Escape ? _large[cluster] : small;
        }
        set
        {
            Invariant.That((ulong)cluster < (ulong)ClusterCount);
            if (value == 0 && _pages[cluster >> PageBits] is null)
                return;
            ref byte small = ref PageOf(cluster)[cluster & (PageClusters - 1)];
            if (small == Escape)
                _large.Remove(cluster);
            if (value >= Escape)
                _large[cluster] = value;
            small = (byte)Math.Min(value, Escape);
        }
    }

    /// <summary>Makes room for more clusters; their counts are zero.</summary>
    public void GrowTo(long clusterCount)
    {
        Invariant.That(clusterCount <= MaxClusterCount);
        if (clusterCount <= ClusterCount)
            return;
        ClusterCount = clusterCount;
        int pages = (int)((clusterCount + PageClusters - 1) >> PageBits);
        if (pages > _pages.Length)
            Array.Resize(ref _pages, pages);
    }

    /// <summary>Sets all counts to zero.</summary>
    public void Clear()
    {
        Array.Clear(_pages);
        _large.Clear();
    }

    /// <summary>Counts one more reference; false where the count is at its maximum.</summary>
    public bool TryIncrement(HostCluster cluster)
    {
        ulong count = this[cluster.Index];
        if (count == RefcountMax)
            return false;
        this[cluster.Index] = count + 1;
        return true;
    }

    /// <summary>
    /// Counts one more reference for each of <paramref name="count"/> clusters, stopping before the first whose count
    /// is not small. Returns how many it counted.
    /// </summary>
    public int IncrementWhileSmall(HostCluster first, int count)
    {
        Invariant.That(first.Index >= 0 && first.Index + count <= ClusterCount);
        int done = 0;
        while (done < count)
        {
            long cluster = first.Index + done;
            int inPage = (int)(cluster & (PageClusters - 1));
            Span<byte> run = PageOf(cluster).AsSpan(inPage, Math.Min(count - done, PageClusters - inPage));
            int stop = run.Length == 1 ? (run[0] < _fastLimit ? -1 : 0) : run.IndexOfAnyInRange(_fastLimit, Escape);
            AddSmall(stop < 0 ? run : run[..stop], 1);
            if (stop >= 0)
                return done + stop;
            done += run.Length;
        }

        return count;
    }

    /// <summary>
    /// Counts so many more references for each of <paramref name="count"/> clusters, beyond
    /// <see cref="RefcountMax"/> if need be; true where that was not needed.
    /// </summary>
    public bool Add(HostCluster first, long count, ulong references)
    {
        Invariant.That(first.Index >= 0 && first.Index + count <= ClusterCount);
        bool fits = true;
        for (long cluster = first.Index, end = first.Index + count; cluster < end;)
        {
            int inPage = (int)(cluster & (PageClusters - 1));
            Span<byte> run = PageOf(cluster).AsSpan(inPage, (int)Math.Min(end - cluster, PageClusters - inPage));
            int small = references <= _fastLimit ? CountUpTo(run, (byte)(_fastLimit - references)) : 0;
            AddSmall(run[..small], (byte)references);
            cluster += small;
            if (small == run.Length)
                continue;
            ulong sum = this[cluster] + references;
            this[cluster] = sum;
            fits &= sum <= RefcountMax;
            cluster++;
        }

        return fits;
    }

    /// <summary>A copy with the same counts.</summary>
    public RefcountCensus Copy()
    {
        var copy = new RefcountCensus(RefcountMax, ClusterCount) { _large = new(_large) };
        for (int i = 0; i < _pages.Length; i++)
            copy._pages[i] = (byte[]?)_pages[i]?.Clone();
        return copy;
    }

    /// <summary>Takes over the counts of a copy, which is not to be used any more.</summary>
    public void Restore(RefcountCensus copy)
    {
        (ClusterCount, _pages, _large) = (copy.ClusterCount, copy._pages, copy._large);
    }

    /// <summary>
    /// The counts of at most <paramref name="count"/> clusters from <paramref name="first"/> up to the end of its
    /// page, where 255 stands for 255 and more (<see cref="HasLargeCounts"/>).
    /// </summary>
    public ReadOnlySpan<byte> Slice(HostCluster first, long count)
    {
        int inPage = (int)(first.Index & (PageClusters - 1));
        byte[] page = _pages[first.Index >> PageBits] ?? ZeroPage;
        return page.AsSpan(inPage, (int)Math.Min(count, PageClusters - inPage));
    }

    /// <summary>
    /// The first cluster from <paramref name="from"/> on whose count is zero; <see cref="ClusterCount"/> where there
    /// is none.
    /// </summary>
    public long NextFree(long from)
    {
        while (from < ClusterCount)
        {
            ReadOnlySpan<byte> slice = Slice(new HostCluster(from), ClusterCount - from);
            int index = slice.IndexOf((byte)0);
            if (index >= 0)
                return from + index;
            from += slice.Length;
        }

        return ClusterCount;
    }

    /// <summary>
    /// The first cluster from <paramref name="from"/> on whose count is not zero; <see cref="ClusterCount"/> where
    /// there is none.
    /// </summary>
    public long NextUsed(long from)
    {
        while (from < ClusterCount)
        {
            ReadOnlySpan<byte> slice = Slice(new HostCluster(from), ClusterCount - from);
            int index = slice.IndexOfAnyExcept((byte)0);
            if (index >= 0)
                return from + index;
            from += slice.Length;
        }

        return ClusterCount;
    }

    /// <summary>True where no cluster has more than one reference.</summary>
    public bool IsAtMostOneEverywhere()
    {
        foreach (byte[]? page in _pages)
        {
            if (page is not null && page.AsSpan().IndexOfAnyExceptInRange((byte)0, (byte)1) >= 0)
                return false;
        }

        return true;
    }

    /// <summary>How many counts from the first one on are at most <paramref name="limit"/>.</summary>
    private static int CountUpTo(ReadOnlySpan<byte> run, byte limit)
    {
        int stop = run.IndexOfAnyExceptInRange((byte)0, limit);
        return stop < 0 ? run.Length : stop;
    }

    private static void AddSmall(Span<byte> run, byte references)
    {
        if (run.Length >= Vector<byte>.Count)
        {
            Span<Vector<byte>> vectors = MemoryMarshal.Cast<byte, Vector<byte>>(run);
            foreach (ref Vector<byte> vector in vectors)
                vector += new Vector<byte>(references);
            run = run[(vectors.Length * Vector<byte>.Count)..];
        }

        foreach (ref byte count in run)
            count += references;
    }

    private byte[] PageOf(long cluster) => _pages[cluster >> PageBits] ??= new byte[PageClusters];
}
