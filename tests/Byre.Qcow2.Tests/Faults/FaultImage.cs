using Byre.Tests.Shared;

namespace Byre.Qcow2.Tests.Faults;

/// <summary>An image between two openings: its files, and what they have to hold.</summary>
internal sealed record FaultImage(
    FaultGeometry Geometry, byte[] File, byte[]? Data, DiskModel Model, Dictionary<string, FaultSnapshot> Snapshots);
