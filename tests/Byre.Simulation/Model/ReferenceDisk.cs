namespace Byre.Simulation.Model;

/// <summary>
/// A disk that knows, for every sector, the set of contents that it may show: to a reader, or to whoever opens it after
/// a crash. Operations that overlap in time leave more than one.
/// </summary>
public sealed class ReferenceDisk
{
    private readonly List<GuestOperation> _operations = [];

    /// <param name="tags">What the disk holds at first, durable.</param>
    /// <param name="snapshots">The snapshots that it has at first.</param>
    public ReferenceDisk(ulong[] tags, IReadOnlyDictionary<string, ulong[]>? snapshots = null)
    {
        foreach ((string name, ulong[] content) in snapshots ?? new Dictionary<string, ulong[]>())
        {
            _operations.Add(new GuestOperation(name, -4)
            {
                EndedAt = -3,
                Tags = content,
                SectorCount = content.Length,
                Creates = name,
            });
        }

        _operations.Add(new GuestOperation("start", -2) { EndedAt = -1, Tags = tags, SectorCount = tags.Length });
    }

    /// <summary>Everything that was asked for, in the order of its beginning.</summary>
    public IReadOnlyList<GuestOperation> Operations => _operations;

    public void Add(GuestOperation operation) => _operations.Add(operation);

    /// <summary>Takes back what was refused before it changed anything.</summary>
    public void Remove(GuestOperation operation) => _operations.Remove(operation);

    /// <summary>What may be seen of the disk after a crash.</summary>
    public DiskExpectation AfterCrash(int moment)
    {
        int durable = int.MinValue;
        foreach (GuestOperation operation in _operations)
        {
            if (operation.IsBarrier && !operation.HasFailed && operation.EndedAt <= moment)
                durable = Math.Max(durable, operation.StartedAt);
        }

        // The start is durable without a barrier.
        durable = Math.Max(durable, -1);
        return new DiskExpectation(this, moment, durable, isAfterCrash: true);
    }

    /// <summary>What a reader may see that began and ended at these moments.</summary>
    public DiskExpectation ToReader(int startedAt, int endedAt) =>
        new(this, endedAt, startedAt, isAfterCrash: false);

    /// <summary>
    /// The operations that may be seen of <paramref name="touches"/>: begun by <paramref name="begun"/>, and not
    /// followed by one that had ended by <paramref name="settled"/>, or after a crash by a barrier that had ended at
    /// all.
    /// </summary>
    internal IEnumerable<GuestOperation> Candidates(
        Func<GuestOperation, bool> touches, int begun, int settled, bool isAfterCrash)
    {
        foreach (GuestOperation one in _operations)
        {
            if (one.StartedAt > begun || !touches(one))
                continue;
            bool superseded = false;
            foreach (GuestOperation later in _operations)
            {
                int seenBy = isAfterCrash && later.IsBarrier ? begun : settled;
                if (later != one && later.EndedAt <= seenBy && !later.HasFailed && one.Precedes(later) &&
                    touches(later))
                {
                    superseded = true;
                    break;
                }
            }

            if (!superseded)
                yield return one;
        }
    }
}
