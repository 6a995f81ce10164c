namespace Byre.Conformance.Tests.Programs;

/// <summary><c>qemu-img resize</c>.</summary>
/// <param name="SizeBytes">The new size.</param>
/// <param name="Preallocation">How the new space is prepared; "off" where the disk shrinks.</param>
public sealed record ResizeStep(long SizeBytes, string Preallocation) : GuestStep;
