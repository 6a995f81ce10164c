namespace Byre.Qcow2.Inspect;

/// <summary>What the parts of one inspection share. Not thread-safe.</summary>
internal sealed class InspectionContext(BoundedReader reader, InspectionOptions options)
{
    public BoundedReader Reader { get; } = reader;

    public InspectionOptions Options { get; } = options;

    public FindingList Findings { get; } = new();

    public long FileBytes => Reader.LengthBytes;

    /// <summary>Size of the virtual disk; null until it is known.</summary>
    public long? VirtualSizeBytes { get; set; }

    /// <summary>What a raw disk contains.</summary>
    public string? Content { get; set; }

    /// <summary>True where everything that the format has was looked at.</summary>
    public bool IsComplete { get; private set; } = true;

    /// <summary>Says what was left out.</summary>
    public void LeaveOut(string what)
    {
        IsComplete = false;
        Findings.Warning(InspectionFindingIds.NotExamined, what);
    }

    /// <summary>True where a range lies in the file.</summary>
    public bool IsInFile(ulong offset, ulong lengthBytes) =>
        offset <= (ulong)FileBytes && lengthBytes <= (ulong)FileBytes - offset;
}
