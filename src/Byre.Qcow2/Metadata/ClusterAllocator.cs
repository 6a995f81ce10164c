using Byre.Block.Errors;
using Byre.Qcow2.Layout;

namespace Byre.Qcow2.Metadata;

/// <summary>
/// Finds host clusters: first fit from the lowest index that may be free, as the peer does, so that both programs lay
/// files out alike. Also packs compressed data byte by byte. Increments the counts of what it gives out. Every member
/// is called under the metadata lock; a method that returns false has changed nothing but the search position.
/// </summary>
internal sealed class ClusterAllocator(Geometry geometry, RefcountTable refcounts, PristineClusters pristine)
{
    private long _searchFrom;
    private long _retryFrom = long.MaxValue;
    private long _packingOffset;

    /// <summary>
    /// Told where compressed data ends in a cluster that nothing more will be packed into; not where it fills it.
    /// </summary>
    public Action<HostOffset>? OnPackingEnded { get; init; }

    /// <summary>Allocates <paramref name="count"/> adjacent clusters.</summary>
    /// <exception cref="BlockException">EFBIG: beyond <paramref name="maxOffset"/>.</exception>
    public bool TryAllocate(
        in MetadataScope scope, long count, long maxOffset, out AllocatedRun run, out MetadataMiss miss)
    {
        run = default;
        if (!TryFindRun(scope, count, maxOffset, out HostCluster first, out miss))
            return false;
        if (!refcounts.TryPrepare(scope, first, count, out miss))
        {
            RetryAt(first, miss);
            return false;
        }

        run = Take(scope, first, count);
        return true;
    }

    /// <summary>
    /// Finds a run without taking it: for blocks that will count themselves. The search position ends behind it.
    /// </summary>
    public bool TryFindRun(
        in MetadataScope scope, long count, long maxOffset, out HostCluster first, out MetadataMiss miss)
    {
        while (true)
        {
            if (!refcounts.TryCountFree(scope, new HostCluster(_searchFrom), count, out long free, out miss))
            {
                // What is known so far is kept: the next try starts at the first cluster of this candidate.
                first = default;
                return false;
            }

            if (free == count)
                break;
            if (!refcounts.TryCountUsed(scope, new HostCluster(_searchFrom + free), out long used, out miss))
            {
                // The used run may go on in a slice to come; what was counted is behind us.
                _searchFrom += free + used;
                first = default;
                return false;
            }

            _searchFrom += free + used;
        }

        first = new HostCluster(_searchFrom);
        if (first.Index + count - 1 > maxOffset >> geometry.ClusterBits)
            throw BlockException.FromErrno(Errno.FileTooLarge);
        _searchFrom += count;
        return true;
    }

    /// <summary>
    /// Allocates as many of <paramref name="count"/> clusters as are free at exactly <paramref name="at"/>; 0 is an
    /// answer.
    /// </summary>
    public bool TryAllocateAt(
        in MetadataScope scope, HostCluster at, long count, out AllocatedRun run, out MetadataMiss miss)
    {
        run = default;
        if (at.Index + count - 1 > FormatLimits.MaxHostOffset >> geometry.ClusterBits)
        {
            miss = MetadataMiss.None;
            return true;
        }

        if (!refcounts.TryCountFree(scope, at, count, out long free, out miss))
            return false;
        if (free == 0)
            return true;
        if (!refcounts.TryPrepare(scope, at, free, out miss))
            return false;
        run = Take(scope, at, free);
        return true;
    }

    /// <summary>
    /// Allocates room for <paramref name="size"/> bytes of compressed data (at most a cluster), behind the last such
    /// data if it fits.
    /// </summary>
    public bool TryAllocateBytes(in MetadataScope scope, int size, out HostOffset offset, out MetadataMiss miss)
    {
        Invariant.That(size > 0 && size <= geometry.ClusterSize);
        offset = default;
        long packing = _packingOffset;
        if (packing != 0)
        {
            if (!refcounts.TryGet(scope, new HostCluster(packing >> geometry.ClusterBits), out ulong count, out miss))
                return false;
            if (count == geometry.RefcountMax)
                packing = 0;
        }

        long room = packing == 0 ? 0 : geometry.ClusterSize - geometry.OffsetInCluster(packing);
        if (room < size)
        {
            long maxOffset = Math.Min((1L << geometry.CompressedOffsetBits) - 1, FormatLimits.MaxHostOffset);
            if (!TryFindRun(scope, 1, maxOffset, out HostCluster cluster, out miss))
                return false;
            HostOffset next = geometry.OffsetOf(cluster);
            if (packing == 0 || geometry.StartOfCluster(packing + geometry.ClusterSize - 1) != next.Value)
                packing = next.Value;
            if (!refcounts.TryPrepare(scope, ClusterAt(packing), ClustersIn(packing, size), out miss))
            {
                RetryAt(cluster, miss);
                return false;
            }
        }
        else if (!refcounts.TryPrepare(scope, ClusterAt(packing), 1, out miss))
        {
            return false;
        }

        long clusters = ClustersIn(packing, size);
        for (long i = 0; i < clusters; i++)
            refcounts.Add(scope, ClusterAt(packing) + i, 1);
        pristine.NoteUse(ClusterAt(packing), clusters);
        offset = new HostOffset(packing);
        if (packing != _packingOffset)
            EndPacking();
        _packingOffset = geometry.OffsetInCluster(packing + size) == 0 ? 0 : packing + size;
        miss = MetadataMiss.None;
        return true;
    }

    /// <summary>A cluster's count fell to zero, and it may be used again.</summary>
    public void NoteFree(in MetadataScope scope, HostCluster cluster)
    {
        _ = scope;
        _searchFrom = Math.Min(_searchFrom, cluster.Index);
    }

    /// <summary>Compressed data is packed into <paramref name="cluster"/> no more: its last reference goes.</summary>
    public void StopPackingInto(in MetadataScope scope, HostCluster cluster)
    {
        _ = scope;
        if (_packingOffset != 0 && ClusterAt(_packingOffset) == cluster)
            _packingOffset = 0;
    }

    /// <summary>Tables were replaced, or clusters no longer exist: the search and the packing start over.</summary>
    public void Restart(in MetadataScope scope)
    {
        _ = scope;
        _searchFrom = 0;
        EndPacking();
    }

    /// <summary>A refcount block was created: the run that lacked it is looked for again from its start.</summary>
    public void ResumeAfterBlock(in MetadataScope scope)
    {
        _ = scope;
        _searchFrom = Math.Min(_searchFrom, _retryFrom);
        _retryFrom = long.MaxValue;
    }

    /// <summary>
    /// A run was found but cannot be taken yet. A missing refcount block is put behind the run, as the peer does, so
    /// the search position stays there until <see cref="ResumeAfterBlock"/>.
    /// </summary>
    private void RetryAt(HostCluster first, MetadataMiss miss)
    {
        if (miss.Kind == MissKind.RefcountBlock)
            _retryFrom = Math.Min(_retryFrom, first.Index);
        else
            _searchFrom = Math.Min(_searchFrom, first.Index);
    }

    private void EndPacking()
    {
        if (_packingOffset != 0)
            OnPackingEnded?.Invoke(new HostOffset(_packingOffset));
        _packingOffset = 0;
    }

    private HostCluster ClusterAt(long offset) => new(offset >> geometry.ClusterBits);

    private long ClustersIn(long offset, int size) =>
        ((offset + size - 1) >> geometry.ClusterBits) - (offset >> geometry.ClusterBits) + 1;

    private AllocatedRun Take(in MetadataScope scope, HostCluster first, long count)
    {
        refcounts.Take(scope, first, count);
        bool isPristine = pristine.Contains(first, count);
        pristine.NoteUse(first, count);
        return new AllocatedRun(first, count, isPristine);
    }
}
