namespace Byre.Block.Jobs;

/// <summary>The first thing, by address, that keeps two disks from being identical, or that keeps one from
/// knowing.</summary>
/// <param name="Kind">What it is.</param>
/// <param name="Offset">Where, in bytes: for differing content the start of the first sector that differs.</param>
public sealed record CompareFinding(CompareFindingKind Kind, long Offset)
{
    /// <summary>Which node an error is about: 0 the first, 1 the second.</summary>
    public int NodeIndex { get; init; }

    /// <summary>An error's number; 0 for differences.</summary>
    public int Errno { get; init; }
}
