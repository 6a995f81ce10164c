using Byre.Block.Errors;

namespace Byre.Qcow2.Inspect;

/// <summary>
/// Which bytes of a file hold which of its structures, to find two that share some. Not thread-safe. Grows with what
/// was examined, which has a bound.
/// <code>
/// starts: 0       65536           131072          ...     (sorted by Seal)
/// ends:   65536   131072          196608
/// kinds:  header  refcount table  refcount block
/// </code>
/// </summary>
internal sealed class StructureMap
{
    private long[] _starts = new long[64];
    private long[] _ends = new long[64];
    private byte[] _kinds = new byte[64];
    private int _count;
    private bool _isSealed;

    /// <summary>Adds a structure that lies in the file; one without a length is ignored.</summary>
    public void Add(long start, long lengthBytes, StructureKind kind)
    {
        Invariant.That(!_isSealed && start >= 0 && lengthBytes >= 0);
        if (lengthBytes == 0)
            return;
        if (_count == _starts.Length)
        {
            Array.Resize(ref _starts, _count * 2);
            Array.Resize(ref _ends, _count * 2);
            Array.Resize(ref _kinds, _count * 2);
        }

        _starts[_count] = start;
        _ends[_count] = start + lengthBytes;
        _kinds[_count++] = (byte)kind;
    }

    /// <summary>Ends the adding, and reports each structure that begins inside another.</summary>
    public void Seal(Action<StructureKind, StructureKind, long> onOverlap)
    {
        _isSealed = true;
        for (int root = (_count / 2) - 1; root >= 0; root--)
            SiftDown(root, _count);
        for (int last = _count - 1; last > 0; last--)
        {
            Swap(0, last);
            SiftDown(0, last);
        }

        int reaching = 0;
        for (int i = 1; i < _count; i++)
        {
            if (_starts[i] < _ends[reaching])
                onOverlap((StructureKind)_kinds[reaching], (StructureKind)_kinds[i], _starts[i]);
            if (_ends[i] > _ends[reaching])
                reaching = i;
        }
    }

    /// <summary>
    /// The structure that shares bytes with a range of the file; null for none. Exact where no two structures overlap.
    /// </summary>
    public StructureKind? Find(long start, long lengthBytes)
    {
        Invariant.That(_isSealed);
        int low = 0;
        int high = _count;
        while (low < high)
        {
            int middle = (low + high) / 2;
            if (_starts[middle] < start + lengthBytes)
                low = middle + 1;
            else
                high = middle;
        }

        return low > 0 && _ends[low - 1] > start ? (StructureKind)_kinds[low - 1] : null;
    }

    // A heap sort of three arrays at once: the library's would be compiled while the program runs, which takes longer.
    private void SiftDown(int root, int end)
    {
        for (int child; (child = (2 * root) + 1) < end; root = child)
        {
            if (child + 1 < end && _starts[child] < _starts[child + 1])
                child++;
            if (_starts[root] >= _starts[child])
                return;
            Swap(root, child);
        }
    }

    private void Swap(int first, int second)
    {
        (_starts[first], _starts[second]) = (_starts[second], _starts[first]);
        (_ends[first], _ends[second]) = (_ends[second], _ends[first]);
        (_kinds[first], _kinds[second]) = (_kinds[second], _kinds[first]);
    }
}
