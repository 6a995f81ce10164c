namespace Byre.Qcow2.Inspect;

/// <summary>One thing that an inspection found. Immutable.</summary>
/// <param name="Id">A stable name for programs: one of <see cref="InspectionFindingIds"/>.</param>
/// <param name="Severity">How much it matters.</param>
/// <param name="Text">A sentence for a human, printable on any terminal: what comes from the image is escaped.</param>
/// <param name="Name">The file name or text from the image that the finding is about, unescaped; null for none.</param>
public sealed record InspectionFinding(string Id, InspectionSeverity Severity, string Text, string? Name = null);
