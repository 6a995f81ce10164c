namespace Byre.Block.Graph;

/// <summary>
/// What a driver is given to open one node. The driver takes its options out of <see cref="Options"/>; the opener reports
/// what is left as unsupported.
/// </summary>
public sealed class OpenRequest
{
    /// <summary>Opens children: <see cref="IImageOpener.OpenChildAsync"/>.</summary>
    public required IImageOpener Opener { get; init; }

    /// <summary>The node's own options, without "driver", "node-name" and the generic cache and read-only options, which became <see cref="Flags"/>.</summary>
    public required OptionSet Options { get; init; }

    public required OpenFlags Flags { get; init; }

    /// <summary>The name the node was asked for by; empty where it was described by options alone.</summary>
    public string FileName { get; init; } = "";

    /// <summary>What the node is to the parent that opens it; none for a root.</summary>
    public ChildRole Role { get; init; }

    /// <summary>
    /// What this node's users let other programs do with it meanwhile (see <see cref="NodeSharing.OnChild"/>; a root of a tool
    /// shares everything); null where the opener does not say: then others may neither write nor resize.
    /// </summary>
    public NodePermissions? SharedPermissions { get; init; }

    public bool IsReadOnly => (Flags & OpenFlags.ReadWrite) == 0;

    public bool Has(OpenFlags flag) => (Flags & flag) != 0;
}
