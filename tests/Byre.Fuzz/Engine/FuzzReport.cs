using System.Globalization;

namespace Byre.Fuzz.Engine;

/// <summary>What a run came to.</summary>
internal sealed record FuzzReport
{
    public required long Executions { get; init; }

    /// <summary>Executions of each target: "20 image, 10 text".</summary>
    public required string ByTarget { get; init; }

    public required int Signatures { get; init; }

    public required int Corpus { get; init; }

    public required TimeSpan Elapsed { get; init; }

    /// <summary>The first case of each finding.</summary>
    public required IReadOnlyList<(FuzzCaseId Case, FuzzFinding Finding)> Findings { get; init; }

    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture,
        $"{Executions} executions ({ByTarget}), {Findings.Count} findings, {Signatures} signatures, "
        + $"{Corpus} cases kept, {Elapsed.TotalSeconds:F0} s, "
        + $"{Executions / Math.Max(0.001, Elapsed.TotalSeconds):F0} executions/s");
}
