namespace Byre.Simulation.Model;

/// <summary>
/// What a guest asked for, between two moments, and what it does to sectors, to the disk's size and to snapshots. A
/// sector's content is a tag: eight bytes, repeated; 0 is zeroes.
/// </summary>
public sealed class GuestOperation(string name, int startedAt)
{
    /// <summary>It has not ended.</summary>
    public const int Never = int.MaxValue;

    public string Name { get; } = name;

    public int StartedAt { get; } = startedAt;

    public int EndedAt { get; set; } = Never;

    /// <summary>It failed: what it asked for may be seen, and supersedes nothing.</summary>
    public bool HasFailed { get; set; }

    /// <summary>The first sector that changes.</summary>
    public int FirstSector { get; init; }

    /// <summary>What the sectors hold afterwards.</summary>
    public ulong[] Tags { get; init; } = [];

    /// <summary>What each of them may hold instead; null for nothing else.</summary>
    public ulong[]? Alternatives { get; init; }

    /// <summary>The disk's size afterwards; null where it stays.</summary>
    public int? SectorCount { get; init; }

    /// <summary>What had ended before it began is durable once it has ended.</summary>
    public bool IsBarrier { get; init; }

    /// <summary>A snapshot that it takes; null for none.</summary>
    public string? Creates { get; init; }

    /// <summary>A snapshot that it deletes; null for none.</summary>
    public string? Deletes { get; init; }

    public bool Precedes(GuestOperation other) => EndedAt <= other.StartedAt;

    public bool Touches(int sector) => sector >= FirstSector && sector < FirstSector + Tags.Length;
}
