using Byre.Storage.Interop;

namespace Byre.Storage.IoUring;

/// <summary>
/// Operations that wait to be submitted together. Sorted by file and offset, those that continue one another in the
/// file become one. One thread.
/// </summary>
internal sealed class RingBatch
{
    private const int InitialCapacity = 64;

    /// <summary>The kernel splits longer transfers anyway.</summary>
    private const long MaxMergedBytes = 1 << 20;

    private RingOperation[] _waiting = new RingOperation[InitialCapacity];
    private int _count;

    public bool IsEmpty => _count == 0;

    public void Add(RingOperation operation)
    {
        if (_count == _waiting.Length)
            Array.Resize(ref _waiting, _count * 2);
        _waiting[_count++] = operation;
    }

    /// <summary>Takes everything out, merged. The result is good until the next <see cref="Add"/>.</summary>
    public ReadOnlySpan<RingOperation> TakeMerged()
    {
        Span<RingOperation> all = _waiting.AsSpan(0, _count);
        _count = 0;
        if (all.Length <= 1)
            return all;
        all.Sort(static (a, b) => a.CompareOrder(b));
        int count = 0;
        RingOperation last = all[0];
        for (int i = 1; i < all.Length; i++)
        {
            RingOperation next = all[i];
            if (CanMerge(all[count], last, next))
            {
                last.Follower = next;
                all[count].MergedBytes += next.LengthBytes;
                all[count].MergedSegments += next.SegmentCount;
            }
            else
            {
                all[++count] = next;
            }

            last = next;
        }

        return all[..(count + 1)];
    }

    private static bool CanMerge(RingOperation first, RingOperation last, RingOperation next) =>
        first.MayMerge && next.MayMerge && next.Continues(last) &&
        first.MergedBytes + next.LengthBytes <= MaxMergedBytes &&
        first.MergedSegments + next.SegmentCount <= SystemCalls.MaxSegments;
}
