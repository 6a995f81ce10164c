namespace Byre.Qcow2.Check;

/// <summary>What comparing the census with the refcount structure gave.</summary>
internal sealed record ComparisonResult
{
    public long Corruptions { get; set; }

    public long Leaks { get; set; }

    public long CheckErrors { get; set; }

    public long CorruptionsFixed { get; set; }

    public long LeaksFixed { get; set; }

    /// <summary>The last cluster that is used or counted.</summary>
    public long HighestCluster { get; set; }

    /// <summary>Some used cluster has no count at all: patching counts is not enough.</summary>
    public bool NeedsRebuild { get; set; }

    /// <summary>Adds everything but <see cref="HighestCluster"/> to the tally of a check.</summary>
    public void AddTo(CheckReport tally)
    {
        tally.Corruptions += Corruptions;
        tally.Leaks += Leaks;
        tally.CheckErrors += CheckErrors;
        tally.CorruptionsFixed += CorruptionsFixed;
        tally.LeaksFixed += LeaksFixed;
    }
}
