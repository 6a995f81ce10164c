namespace Byre.Simulation.Devices;

/// <summary>
/// One operation of a device, with the moments of its issue and its completion. A write knows each sector that it
/// touched as it was right after it, with everything that was issued before: a device keeps versions of whole sectors.
/// </summary>
public sealed class DeviceOperation(DeviceOperationKind kind, int device, int issuedAt)
{
    /// <summary>Completed never, or not yet.</summary>
    public const int Never = int.MaxValue;

    public DeviceOperationKind Kind { get; } = kind;

    /// <summary>The device's number in its log.</summary>
    public int Device { get; } = device;

    public int IssuedAt { get; } = issuedAt;

    public int CompletedAt { get; set; } = Never;

    /// <summary>Where a write begins, bytes.</summary>
    public long Offset { get; init; }

    /// <summary>The first byte behind a write; the new length of the device otherwise.</summary>
    public long EndBytes { get; init; }

    /// <summary>The first sector that a write touched.</summary>
    public int FirstSector { get; init; }

    /// <summary>The touched sectors after the write, 512 bytes each.</summary>
    public byte[] Sectors { get; init; } = [];

    public int SectorCount => Sectors.Length / SimulatedDevice.SectorBytes;

    /// <summary>The last event of the block layer before it, for reports.</summary>
    public string Purpose { get; init; } = "";

    public override string ToString() => Kind switch
    {
        DeviceOperationKind.Write => $"{IssuedAt}: write {Offset}+{SectorCount} sectors ({Purpose})",
        DeviceOperationKind.Length => $"{IssuedAt}: length {EndBytes}",
        _ => $"{IssuedAt}: flush",
    };
}
