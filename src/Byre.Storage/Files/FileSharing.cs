using Byre.Block.Graph;

namespace Byre.Storage.Files;

/// <summary>What a file node does with its file and what it lets other programs do, by its flags. Immutable.</summary>
/// <param name="Shared">What others may do while the node is open.</param>
/// <param name="IsForced">Other programs' writes are tolerated (<c>force-share=on</c>).</param>
/// <param name="MayResize">A node opened for writing also resizes: a format is above it, or a resize is intended.</param>
internal sealed record FileSharing(NodePermissions Shared, bool IsForced, bool MayResize)
{
    public static FileSharing Of(OpenRequest request)
    {
        const NodePermissions cautious = NodePermissions.ConsistentRead | NodePermissions.WriteUnchanged;
        bool isForced = request.Has(OpenFlags.ForceShare);
        bool isStorage = (request.Role & (ChildRole.Data | ChildRole.Metadata)) != 0;
        return new FileSharing(
            isForced ? NodePermissions.All : request.SharedPermissions ?? cautious,
            isForced,
            isStorage || request.SharedPermissions is null || request.Has(OpenFlags.Resize));
    }

    /// <summary>What a node opened with <paramref name="flags"/> does.</summary>
    public NodePermissions UsedWith(OpenFlags flags)
    {
        NodePermissions used = NodePermissions.None;
        if ((flags & OpenFlags.NoDataIo) == 0)
            used |= NodePermissions.ConsistentRead;
        if ((flags & OpenFlags.ReadWrite) != 0)
            used |= NodePermissions.Write | (MayResize ? NodePermissions.Resize : 0);
        return used;
    }
}
