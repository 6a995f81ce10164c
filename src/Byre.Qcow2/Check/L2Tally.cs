namespace Byre.Qcow2.Check;

/// <summary>What a check counts of the clusters that L2 tables refer to.</summary>
internal readonly record struct L2Tally(long Allocated, long Fragmented, long Compressed)
{
    public static L2Tally operator +(L2Tally left, L2Tally right) => new(
        left.Allocated + right.Allocated, left.Fragmented + right.Fragmented, left.Compressed + right.Compressed);

    /// <summary>The same so many times.</summary>
    public static L2Tally operator *(L2Tally tally, long times) =>
        new(tally.Allocated * times, tally.Fragmented * times, tally.Compressed * times);
}
