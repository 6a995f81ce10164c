namespace Byre.Qcow2.Inspect;

/// <summary>How much a finding matters to one who will use the image without looking at it.</summary>
public enum InspectionSeverity
{
    /// <summary>A fact.</summary>
    Info,

    /// <summary>Unusual, or a reason to look closer; it does not make the image unsafe.</summary>
    Warning,

    /// <summary>Whoever uses the image unattended may be harmed.</summary>
    Danger,
}
