namespace Byre.Qcow2.Inspect;

/// <summary>What an inspection found in a file. Immutable.</summary>
public sealed record InspectionReport
{
    /// <summary>The format, by QEMU's names; "raw" where nothing else fits.</summary>
    public required string Format { get; init; }

    /// <summary>What a raw disk contains: "gpt", "mbr", "iso9660"; null where that is not known.</summary>
    public string? Content { get; init; }

    /// <summary>Length of the file.</summary>
    public required long FileBytes { get; init; }

    /// <summary>Size of the virtual disk; null where the format does not tell.</summary>
    public long? VirtualSizeBytes { get; init; }

    /// <summary>The conclusion.</summary>
    public required InspectionVerdict Verdict { get; init; }

    /// <summary>Why, in a sentence.</summary>
    public required string Reason { get; init; }

    /// <summary>The findings, the worst first.</summary>
    public required IReadOnlyList<InspectionFinding> Findings { get; init; }

    /// <summary>Bytes that were read.</summary>
    public required long BytesRead { get; init; }

    /// <summary>Reads that were made.</summary>
    public required int Reads { get; init; }

    /// <summary>Table entries and records that were looked at.</summary>
    public required int EntriesExamined { get; init; }

    /// <summary>True where nothing was left out for lack of budget.</summary>
    public required bool IsComplete { get; init; }
}
