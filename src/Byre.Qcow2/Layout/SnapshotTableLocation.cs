namespace Byre.Qcow2.Layout;

/// <summary>
/// Where the snapshot table lies and how many records it has; their length is known only by reading them. In a header
/// parsed with <see cref="HeaderParsing.ForCheck"/> neither value has been validated.
/// </summary>
public readonly record struct SnapshotTableLocation(HostOffset Offset, long Count);
