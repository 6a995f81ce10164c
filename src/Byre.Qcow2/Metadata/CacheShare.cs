namespace Byre.Qcow2.Metadata;

/// <summary>One cache's part of a <see cref="CacheBudget"/>, under whose lock every member is called.</summary>
internal sealed class CacheShare(ImageTables tables, SliceCache cache, int leastSlices)
{
    /// <summary>What a cache without misses weighs: it never loses everything to another one at once.</summary>
    private const double LeastWeight = 1;

    private long _missesBefore = cache.Statistics.Misses;
    private int _slices;
    private int _appliedSlices = int.MaxValue;

    public ImageTables Tables => tables;

    /// <summary>True for L2 tables, false for refcount blocks.</summary>
    public bool HoldsL2Tables { get; init; }

    public long LeastBytes { get; } = (long)leastSlices * cache.SliceBytes;

    public long MostBytes { get; } = (long)Math.Max(cache.CapacitySlices, leastSlices) * cache.SliceBytes;

    /// <summary>Misses, the recent ones above all.</summary>
    public double Weight { get; set; } = LeastWeight;

    /// <summary>What it should have.</summary>
    public long TargetBytes { get; set; }

    /// <summary>True where <see cref="Apply"/> will take something away.</summary>
    public bool Shrinks => _slices < _appliedSlices;

    /// <summary>Ends a round: what was missed in it counts, what was missed before counts half.</summary>
    public void CountMisses()
    {
        long misses = cache.Statistics.Misses;
        Weight = Math.Max((Weight / 2) + misses - _missesBefore, LeastWeight);
        _missesBefore = misses;
    }

    /// <summary>Moves towards the target: the whole way, or a quarter of it.</summary>
    public void Step(bool isWholeWay)
    {
        int wanted = (int)Math.Min(TargetBytes / cache.SliceBytes, int.MaxValue);
        _slices = isWholeWay || _appliedSlices == int.MaxValue
            ? wanted
            : _appliedSlices + (int)Math.Floor((wanted - _appliedSlices) / 4.0);
    }

    /// <summary>Makes the cache obey.</summary>
    public void Apply()
    {
        if (_slices == _appliedSlices)
            return;
        _appliedSlices = _slices;
        using MetadataScope scope = tables.Lock.Enter();
        cache.SetLimit(scope, _slices);
    }
}
