using Byre.Block.Graph;

namespace Byre.Storage.Files;

/// <summary>What a file node does with its file and what it lets other programs do. Immutable.</summary>
/// <param name="Used">What is done.</param>
/// <param name="Shared">What others may do meanwhile.</param>
/// <param name="IsForced">Other programs' writes are tolerated (<c>force-share=on</c>): everything is shared.</param>
internal sealed record FileSharing(NodePermissions Used, NodePermissions Shared, bool IsForced)
{
    private const NodePermissions Changes =
        NodePermissions.Write | NodePermissions.WriteUnchanged | NodePermissions.Resize;

    /// <summary>
    /// What <paramref name="request"/> asks for, the node being opened with <paramref name="flags"/> after all.
    /// </summary>
    public static FileSharing Of(OpenRequest request, OpenFlags flags)
    {
        const NodePermissions cautious = NodePermissions.ConsistentRead | NodePermissions.WriteUnchanged;
        const ChildRole format = ChildRole.Data | ChildRole.Metadata;
        bool isWritable = (flags & OpenFlags.ReadWrite) != 0;
        (NodePermissions used, NodePermissions shared) = request.Permissions
            ?? (NodeSharing.OfChild(format, NodeSharing.OfRoot(flags), isWritable), cautious);
        return new FileSharing(NodePermissions.None, NodePermissions.All, request.Has(OpenFlags.ForceShare))
            .With(isWritable ? used : used & ~Changes, shared);
    }

    /// <summary>Others may change the file's length meanwhile.</summary>
    public bool SharesResize => (Shared & NodePermissions.Resize) != 0;

    /// <summary>The same with other permissions.</summary>
    public FileSharing With(NodePermissions used, NodePermissions shared) =>
        this with { Used = used, Shared = IsForced ? NodePermissions.All : shared };

    /// <summary>
    /// The same after a reopen with <paramref name="flags"/>. A node that lets nobody resize belongs to a format,
    /// which grows its file whenever it writes.
    /// </summary>
    public FileSharing Reopened(OpenFlags flags)
    {
        if ((flags & OpenFlags.ReadWrite) == 0)
            return this with { Used = Used & ~Changes };
        bool mayResize = (flags & OpenFlags.Resize) != 0 || (Shared & NodePermissions.Resize) == 0;
        return this with { Used = Used | NodePermissions.Write | (mayResize ? NodePermissions.Resize : 0) };
    }
}
