namespace Byre.Simulation.Crash;

/// <summary>How many images are made of one crash point.</summary>
public sealed record CrashLimits
{
    /// <summary>Up to so many volatile writes every subset is tried, else every pair.</summary>
    public int SubsetsUpTo { get; init; } = 12;

    /// <summary>Places at which a long write is torn, at most.</summary>
    public int TearsPerWrite { get; init; } = 8;

    /// <summary>Of so many moments one is visited, chosen by the seed.</summary>
    public int MomentsOneIn { get; init; } = 1;

    /// <summary>Seeded picks, sector by sector, among everything volatile.</summary>
    public int RandomPicks { get; init; } = 4;
}
