using Byre.Block.Errors;

namespace Byre.Qcow2.WriteCache;

/// <summary>
/// Which bytes of a cluster have been filled: ranges in ascending order, apart from each other. Almost always one.
/// Not thread-safe.
/// </summary>
internal sealed class FilledRanges
{
    private readonly List<(int Start, int End)> _ranges = [];

    /// <summary>The first byte behind the last filled one; 0 where nothing is filled.</summary>
    public int End => _ranges.Count == 0 ? 0 : _ranges[^1].End;

    /// <summary>The ranges.</summary>
    public IReadOnlyList<(int Start, int End)> All => _ranges;

    /// <summary>Adds a range, which may overlap others.</summary>
    public void Add(int start, int end)
    {
        Invariant.That(start >= 0 && start < end);
        int index = _ranges.FindIndex(range => range.End >= start);
        if (index < 0)
        {
            _ranges.Add((start, end));
            return;
        }

        int last = index;
        while (last < _ranges.Count && _ranges[last].Start <= end)
        {
            start = Math.Min(start, _ranges[last].Start);
            end = Math.Max(end, _ranges[last].End);
            last++;
        }

        _ranges.RemoveRange(index, last - index);
        _ranges.Insert(index, (start, end));
    }

    /// <summary>True where every byte from the first to <paramref name="end"/> is filled.</summary>
    public bool CoverTo(int end) =>
        end == 0 || (_ranges.Count > 0 && _ranges[0].Start == 0 && _ranges[0].End >= end);
}
