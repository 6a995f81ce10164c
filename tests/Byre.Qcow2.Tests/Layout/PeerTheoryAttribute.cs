namespace Byre.Qcow2.Tests.Layout;

/// <summary>A theory that needs QEMU's tools: skipped without them, except in CI.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class PeerTheoryAttribute : TheoryAttribute
{
    public PeerTheoryAttribute() => Skip = Peer.SkipReason;
}
