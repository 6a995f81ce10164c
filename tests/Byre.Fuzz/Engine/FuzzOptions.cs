namespace Byre.Fuzz.Engine;

/// <summary>How much to run, and where to begin.</summary>
internal sealed record FuzzOptions
{
    public ulong Seed { get; init; } = 1;

    /// <summary>At most so many cases.</summary>
    public long Executions { get; init; } = long.MaxValue;

    /// <summary>At most this long.</summary>
    public TimeSpan Time { get; init; } = TimeSpan.MaxValue;

    /// <summary>Ends after so many different findings.</summary>
    public int MaxFindings { get; init; } = 20;

    /// <summary>One target alone; null for all.</summary>
    public string? Target { get; init; }

    /// <summary>Where findings are written to; null for nowhere.</summary>
    public string? FindingsDirectory { get; init; }

    /// <summary>A case that takes longer is run once more, and is a finding where that takes as long.</summary>
    public TimeSpan SlowLimit { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>A case that takes longer ends the run.</summary>
    public TimeSpan HangLimit { get; init; } = TimeSpan.FromSeconds(60);
}
