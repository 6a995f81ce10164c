namespace Byre.Conformance.Tests.Programs;

/// <summary><c>qemu-img snapshot</c>.</summary>
public sealed record SnapshotStep(SnapshotAction Action, string Name) : GuestStep;
