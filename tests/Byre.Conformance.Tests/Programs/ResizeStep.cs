namespace Byre.Conformance.Tests.Programs;

/// <summary><c>qemu-img resize</c>.</summary>
public sealed record ResizeStep(long SizeBytes) : GuestStep;
