namespace Byre.Simulation.Model;

/// <summary>
/// What may be seen at one moment: sizes, contents of each sector, snapshots. Computed once, when it is first asked
/// for. Not thread-safe.
/// </summary>
public sealed class DiskExpectation
{
    private readonly ReferenceDisk _disk;
    private readonly int _begun;
    private readonly int _settled;
    private readonly bool _isAfterCrash;
    private readonly ulong[][] _allowed;
    private readonly int[] _sizes;
    private readonly Dictionary<string, DiskExpectation?> _snapshots = [];

    internal DiskExpectation(ReferenceDisk disk, int begun, int settled, bool isAfterCrash)
    {
        (_disk, _begun, _settled, _isAfterCrash) = (disk, begun, settled, isAfterCrash);
        _sizes = [.. disk.Candidates(static operation => IsOnDisk(operation) && operation.SectorCount is not null,
            begun, settled, isAfterCrash).Select(static operation => operation.SectorCount!.Value).Distinct()];
        _allowed = new ulong[_sizes.Max()][];
        for (int i = 0; i < _allowed.Length; i++)
            _allowed[i] = Allowed(i);
    }

    /// <summary>Sizes that the disk may have, sectors.</summary>
    public IReadOnlyList<int> Sizes => _sizes;

    /// <summary>Equal for expectations that allow the same.</summary>
    public ulong ComputeHash()
    {
        ulong hash = 1;
        foreach (int size in _sizes)
            hash = Mix(hash, (ulong)size);
        foreach (ulong[] tags in _allowed)
        {
            hash = Mix(hash, (ulong)tags.Length);
            foreach (ulong tag in tags)
                hash = Mix(hash, tag);
        }

        foreach (GuestOperation operation in _disk.Operations)
        {
            if (operation.StartedAt > _begun || (operation.Creates ?? operation.Deletes) is null)
                continue;
            ulong name = (ulong)operation.Name.GetHashCode(StringComparison.Ordinal);
            hash = Mix(hash, name + (Has(operation) ? 1u : 0u));
        }

        return hash;

        static ulong Mix(ulong hash, ulong value) =>
            System.Numerics.BitOperations.RotateLeft((hash ^ value) * 0x9FB21C651E98DF25, 27);
    }

    /// <summary>True where a sector may show <paramref name="tag"/>.</summary>
    public bool Allows(int sector, ulong tag) =>
        sector >= _allowed.Length || Array.IndexOf(_allowed[sector], tag) >= 0;

    /// <summary>For reports.</summary>
    public string Describe(int sector) => string.Join(" or ", _allowed[sector].Select(static tag => $"{tag:x}")) +
        " after " + string.Join(", ", _disk.Operations
            .Where(one => one.StartedAt <= _begun && (one.Touches(sector) || one.IsBarrier))
            .Select(static one => $"{one.Name} [{one.StartedAt}-{one.EndedAt}]{(one.HasFailed ? " failed" : "")}"));

    /// <summary>Snapshots that must be there. One whose deletion began may be gone.</summary>
    public IEnumerable<string> RequiredSnapshots() =>
        from operation in _disk.Operations
        where operation.Creates is not null && Has(operation) &&
            !_disk.Operations.Any(other => other.Deletes == operation.Creates && other.StartedAt <= _begun)
        select operation.Creates;

    /// <summary>What a snapshot may hold; null where there cannot be one of that name.</summary>
    public DiskExpectation? OfSnapshot(string name)
    {
        if (!_snapshots.TryGetValue(name, out DiskExpectation? content))
            _snapshots[name] = content = MakeSnapshot(name);
        return content;
    }

    private DiskExpectation? MakeSnapshot(string name)
    {
        GuestOperation? create = _disk.Operations.FirstOrDefault(
            operation => operation.Creates == name && operation.StartedAt <= _begun);
        bool deleted = _disk.Operations.Any(operation => operation.Deletes == name && Has(operation));
        if (create is null || deleted)
            return null;
        return create.Tags.Length > 0
            ? new DiskExpectation(new ReferenceDisk(create.Tags), 0, 0, isAfterCrash: false)
            : _disk.ToReader(create.StartedAt, Math.Min(create.EndedAt, _begun));
    }

    private bool Has(GuestOperation operation) => operation.EndedAt <= _begun && !operation.HasFailed;

    /// <summary>The snapshots of the start hold sectors, but not the disk's.</summary>
    private static bool IsOnDisk(GuestOperation operation) => operation.Creates is null;

    private ulong[] Allowed(int sector)
    {
        var tags = new List<ulong>();
        foreach (GuestOperation operation in
                 _disk.Candidates(one => IsOnDisk(one) && one.Touches(sector), _begun, _settled, _isAfterCrash))
        {
            AddOnce(tags, operation.Tags[sector - operation.FirstSector]);
            if (operation.Alternatives is { } alternatives)
                AddOnce(tags, alternatives[sector - operation.FirstSector]);
        }

        return [.. tags];
    }

    private static void AddOnce(List<ulong> tags, ulong tag)
    {
        if (!tags.Contains(tag))
            tags.Add(tag);
    }
}
