namespace Byre.Qcow2.Tests.Layout;

/// <summary>A fact that needs QEMU's tools: skipped without them, except in CI.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class PeerFactAttribute : FactAttribute
{
    public PeerFactAttribute() => Skip = Peer.SkipReason;
}
