namespace Byre.Simulation.Devices;

/// <summary>What was done to a device.</summary>
public enum DeviceOperationKind
{
    /// <summary>Bytes were written; a punched hole is a write of zeroes.</summary>
    Write,

    /// <summary>The length changed.</summary>
    Length,

    /// <summary>What had completed was made durable.</summary>
    Flush,
}
