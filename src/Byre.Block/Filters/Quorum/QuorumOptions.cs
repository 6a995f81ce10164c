namespace Byre.Block.Filters.Quorum;

/// <summary>How a quorum decides.</summary>
/// <param name="Threshold">How many children must agree.</param>
internal sealed record QuorumOptions(int Threshold)
{
    /// <summary>Two children that must never differ.</summary>
    public bool IsVerification { get; init; }

    /// <summary>Children that were outvoted get the right content.</summary>
    public bool RewritesCorrupted { get; init; }

    /// <summary>Reads ask one child after the other until one answers, and do not vote.</summary>
    public bool ReadsFirst { get; init; }
}
