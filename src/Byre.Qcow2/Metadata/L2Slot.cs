using Byre.Qcow2.Layout;

namespace Byre.Qcow2.Metadata;

/// <summary>
/// Where an L2 entry lies in the cache. Valid while the metadata lock is held, or while its slice is pinned.
/// </summary>
/// <param name="Slice">Index of the slice in the L2 cache.</param>
/// <param name="Position">Index of the entry in the slice.</param>
/// <param name="Table">Offset of the L2 table, for messages.</param>
/// <param name="L2Index">Index of the entry in its table, for messages.</param>
internal readonly record struct L2Slot(int Slice, int Position, HostOffset Table, int L2Index)
{
    /// <summary>The entry <paramref name="distance"/> behind this one; the caller stays within the slice.</summary>
    public L2Slot At(int distance) => this with { Position = Position + distance, L2Index = L2Index + distance };
}
