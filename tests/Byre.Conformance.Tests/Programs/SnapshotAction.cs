namespace Byre.Conformance.Tests.Programs;

/// <summary>What <c>qemu-img snapshot</c> is asked to do.</summary>
public enum SnapshotAction
{
    Create,
    Delete,
    Apply,
}
