using Byre.Qcow2.Layout;

namespace Byre.Qcow2.Metadata;

/// <summary>
/// What of the file is known to read as zeroes because nobody ever wrote it: the clusters past its end as it was
/// opened, until they are given out, and of data clusters that were given out since then the subclusters that no entry
/// says are stored. Every member is called under the metadata lock.
/// <code>
/// | file as it was opened | given out ... | gap | given out ... | pristine ...
/// </code>
/// </summary>
internal sealed class PristineClusters(Geometry geometry)
{
    private const int WordBits = 64;

    /// <summary>Clusters beyond 2^26 since the image was opened are not kept: 8 MiB are enough.</summary>
    private const int MaxWords = 1 << 20;

    private long _from = long.MaxValue;
    private long _gapFrom;
    private long _gapEnd;
    private long _blankFrom;
    private ulong[] _blank = [];

    /// <summary>Begins anew: nothing from <paramref name="first"/> on was ever written.</summary>
    public void Begin(HostCluster first)
    {
        _from = first.Index;
        _blankFrom = first.Index;
        _gapFrom = 0;
        _gapEnd = 0;
        _blank = [];
    }

    /// <summary>True where no cluster of a run was ever given out.</summary>
    public bool Contains(HostCluster first, long count) =>
        first.Index >= _from || (first.Index >= _gapFrom && first.Index + count <= _gapEnd);

    /// <summary>
    /// Clusters are given out: they are not pristine any more. What they leave out between them and the first pristine
    /// cluster stays so: a refcount block is put behind the run that lacks it, and the run comes next.
    /// </summary>
    public void NoteUse(HostCluster first, long count)
    {
        long end = first.Index + count;
        if (first.Index > _from)
            (_gapFrom, _gapEnd) = (_from, first.Index);
        else if (end > _gapFrom && first.Index < _gapEnd)
            _gapFrom = end;
        _from = Math.Max(_from, end);
        for (long index = Math.Max(first.Index, _blankFrom); index < end && WordOf(index) < _blank.Length; index++)
            _blank[WordOf(index)] &= ~BitOf(index);
    }

    /// <summary>
    /// Pristine clusters become data clusters: subclusters of theirs are blank until an entry says that they are
    /// stored. Without subclusters nothing is kept.
    /// </summary>
    public void KeepBlank(HostCluster first, long count)
    {
        long end = first.Index + count;
        if (!geometry.HasSubclusters || WordOf(end - 1) >= MaxWords)
            return;
        if (WordOf(end - 1) >= _blank.Length)
            Array.Resize(ref _blank, (int)Math.Max(WordOf(end - 1) + 1, _blank.Length * 2L));
        for (long index = first.Index; index < end; index++)
            _blank[WordOf(index)] |= BitOf(index);
    }

    /// <summary>True where the subclusters of a data cluster that no entry says are stored read as zeroes.</summary>
    public bool IsBlank(HostCluster cluster) =>
        cluster.Index >= _blankFrom && WordOf(cluster.Index) < _blank.Length &&
        (_blank[WordOf(cluster.Index)] & BitOf(cluster.Index)) != 0;

    /// <summary>Bytes may have been written that no entry tells of, or no longer tells of.</summary>
    public void ForgetBlank(HostCluster cluster)
    {
        if (IsBlank(cluster))
            _blank[WordOf(cluster.Index)] &= ~BitOf(cluster.Index);
    }

    private long WordOf(long index) => (index - _blankFrom) / WordBits;

    private ulong BitOf(long index) => 1UL << (int)((index - _blankFrom) % WordBits);
}
