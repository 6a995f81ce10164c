using Byre.Block.Buffers;

namespace Byre.Qcow2.WriteCache;

/// <summary>
/// One cluster of a <see cref="ClusterWriteCache"/>, which protects it by its lock.
/// <code>
///          filled          not yet      behind the end: nobody's
/// |======================|...........|-----------------------------|
/// 0        ^dirty   dirty^           ^ end, once it is known       ^ cluster size
/// </code>
/// </summary>
internal sealed class GatheredCluster(long offset, IoBuffer content)
{
    /// <summary>Where the cluster lies on the target, in bytes.</summary>
    public long Offset { get; } = offset;

    /// <summary>The cluster as it will be; zeroes where nothing was stored.</summary>
    public IoBuffer Content { get; } = content;

    /// <summary>What was stored, or will never be.</summary>
    public FilledRanges Filled { get; } = new();

    /// <summary>Nothing is stored at or behind this; the cluster size until it is told.</summary>
    public int EndBytes { get; set; } = content.LengthBytes;

    /// <summary>The first byte that the target lacks.</summary>
    public int DirtyFrom { get; private set; }

    /// <summary>
    /// Behind the last byte that the target lacks; equal to <see cref="DirtyFrom"/> where it has all.
    /// </summary>
    public int DirtyTo { get; private set; }

    /// <summary>A write is under way.</summary>
    public bool IsBeingWritten { get; set; }

    /// <summary>
    /// Who wants to know when that write has ended, well or not: one source for each, so that each goes on by itself.
    /// </summary>
    public List<TaskCompletionSource> Waiters { get; } = [];

    /// <summary>Why the last write failed; null where it did not.</summary>
    public Exception? Failure { get; set; }

    /// <summary>No longer the cache's: written, or dropped.</summary>
    public bool IsGone { get; set; }

    public bool IsDirty => DirtyFrom < DirtyTo;

    /// <summary>Nothing will be stored any more.</summary>
    public bool IsComplete => Filled.CoverTo(EndBytes);

    /// <summary>The target lacks these bytes, and whatever lies between them and the others that it lacks.</summary>
    public void MarkDirty(int from, int to)
    {
        (DirtyFrom, DirtyTo) = IsDirty ? (Math.Min(DirtyFrom, from), Math.Max(DirtyTo, to)) : (from, to);
    }

    public void MarkClean() => (DirtyFrom, DirtyTo) = (0, 0);
}
