using Byre.Block.Errors;

namespace Byre.Qcow2.Metadata;

/// <summary>
/// One amount of memory for the metadata caches of many nodes (the option <c>cache-budget</c>), divided by need: every
/// cache keeps its minimum, and the rest goes to caches in proportion to their misses, of which older ones count less.
/// A cache gets no more than it could use. Where minima exceed the budget they stand all the same.
/// <para>Only what is clean is ever evicted for it: a division changes what is in memory, not what is written.</para>
/// <para>Threading: any thread that holds no metadata lock. Its own lock comes before the metadata locks of the
/// members, of which it holds one at a time.</para>
/// </summary>
internal sealed class CacheBudget
{
    /// <summary>A copy-on-write of an L2 table needs two at once.</summary>
    public const int MinL2Slices = 2;

    public const int MinRefcountSlices = 4;

    /// <summary>Misses of all members between two divisions.</summary>
    private const int MissesPerRound = 512;

    /// <summary>What the L2 cache of the first member weighs before it missed anything; refcounts weigh 1.</summary>
    private const double FirstL2Weight = 8;

    private readonly Lock _lock = new();
    private readonly List<CacheShare> _shares = [];
    private long _bytes;
    private int _missesOfRound;

    /// <summary>The budget of everybody in this process. Its amount is the one that was named last.</summary>
    public static CacheBudget OfProcess { get; } = new();

    /// <summary>Takes the caches of an image in; they are limited from now on.</summary>
    public void Join(ImageTables tables, long bytes)
    {
        lock (_lock)
        {
            _bytes = bytes;
            // Nobody knows yet what it will need: as much as the others do on average, for its L2 tables above all.
            double weight = _shares.Where(static share => share.HoldsL2Tables).Select(static share => share.Weight)
                .DefaultIfEmpty(FirstL2Weight).Average();
            _shares.Add(new CacheShare(tables, tables.L2Cache, MinL2Slices) { Weight = weight, HoldsL2Tables = true });
            _shares.Add(new CacheShare(tables, tables.RefcountCache, MinRefcountSlices));
            Divide(inOneStep: true);
        }
    }

    /// <summary>The caches of an image are about to go; the others get what they had.</summary>
    public void Leave(ImageTables tables)
    {
        lock (_lock)
        {
            _shares.RemoveAll(share => share.Tables == tables);
            Divide(inOneStep: true);
        }
    }

    /// <summary>A member lacked a slice.</summary>
    public void NoteMiss()
    {
        if (Interlocked.Increment(ref _missesOfRound) < MissesPerRound)
            return;
        Volatile.Write(ref _missesOfRound, 0);
        Rebalance();
    }

    /// <summary>Divides the budget anew, by the misses since this was last done.</summary>
    public void Rebalance()
    {
        lock (_lock)
        {
            foreach (CacheShare share in _shares)
                share.CountMisses();
            Divide(inOneStep: false);
        }
    }

    /// <param name="inOneStep">
    /// False: only a part of the way, so that two members do not take the same memory from each other in turns.
    /// </param>
    private void Divide(bool inOneStep)
    {
        SetTargets();
        foreach (CacheShare share in _shares)
            share.Step(inOneStep);

        // Who loses goes first: the sum stays within the budget at any time.
        foreach (CacheShare share in _shares.Where(static share => share.Shrinks))
            share.Apply();
        foreach (CacheShare share in _shares.Where(static share => !share.Shrinks))
            share.Apply();
    }

    private void SetTargets()
    {
        long left = _bytes;
        foreach (CacheShare share in _shares)
        {
            share.TargetBytes = share.LeastBytes;
            left -= share.LeastBytes;
        }

        // Who cannot use its part leaves the rest to the others: a round each, at most one more than there are members.
        List<CacheShare> hungry = [.. _shares.Where(static share => share.TargetBytes < share.MostBytes)];
        while (left > 0 && hungry.Count > 0)
        {
            double weights = hungry.Sum(static share => share.Weight);
            long given = 0;
            foreach (CacheShare share in hungry)
            {
                long part = Math.Min((long)(left * (share.Weight / weights)), share.MostBytes - share.TargetBytes);
                share.TargetBytes += part;
                given += part;
            }

            left -= given;
            Invariant.That(left >= 0);
            if (hungry.RemoveAll(static share => share.TargetBytes >= share.MostBytes) == 0)
                return;
        }
    }
}
