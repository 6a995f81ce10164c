namespace Byre.Qcow2.Inspect;

/// <summary>What an inspection is told about the image. Immutable.</summary>
public sealed record InspectionOptions
{
    /// <summary>
    /// The format that the image is said to have ("qcow2", "raw", "vmdk", "vpc" or "vhd", "vdi", "iso", ...): another
    /// one is a danger. Null where nothing is said.
    /// </summary>
    public string? DeclaredFormat { get; init; }

    /// <summary>A virtual disk above this many bytes is a danger; null for no limit.</summary>
    public long? MaxVirtualSizeBytes { get; init; }
}
