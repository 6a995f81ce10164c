using Byre.Qcow2.Tests.Compression;

namespace Byre.Qcow2.Tests.Check;

/// <summary>
/// A fact that needs QEMU's tools: skipped where they are missing, unless CI is set, where it then fails.
/// </summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class PeerFactAttribute : FactAttribute
{
    public PeerFactAttribute() => Skip = new PeerTheoryAttribute("qemu-img", "qemu-io").Skip;
}
