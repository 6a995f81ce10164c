namespace Byre.Block.Graph;

/// <summary>
/// What a driver is given to open one node. The driver takes its options out of <see cref="Options"/>; the opener
/// reports what is left as unsupported.
/// </summary>
public sealed class OpenRequest
{
    /// <summary>Opens children: <see cref="IImageOpener.OpenChildAsync"/>.</summary>
    public required IImageOpener Opener { get; init; }

    /// <summary>
    /// The node's own options, without "driver", "node-name" and the generic cache and read-only options, which
    /// became <see cref="Flags"/>.
    /// </summary>
    public required OptionSet Options { get; init; }

    public required OpenFlags Flags { get; init; }

    /// <summary>The name the node was asked for by; empty where it was described by options alone.</summary>
    public string FileName { get; init; } = "";

    /// <summary>
    /// What the node's user does with it (first) and lets other programs do meanwhile (second). Null where that is not
    /// known: then the node is used as its flags allow, and others may neither write nor resize.
    /// <see cref="BlockNode.SetPermissions"/> changes it later.
    /// </summary>
    public (NodePermissions Used, NodePermissions Shared)? Permissions { get; init; }

    /// <summary>True where the driver was not asked for but found by probing.</summary>
    public bool IsProbed { get; init; }

    public bool IsReadOnly => (Flags & OpenFlags.ReadWrite) == 0;

    public bool Has(OpenFlags flag) => (Flags & flag) != 0;
}
