namespace Byre.Block.Graph;

/// <summary>Which permissions a parent has on its child, and which it lets others have. Stateless.</summary>
public static class NodeSharing
{
    /// <summary>
    /// What the parent of a child in <paramref name="role"/> shares on it, where the parent's own users share
    /// <paramref name="parentShares"/> on the parent: a filter hands that on; nobody else may write or resize where a
    /// format keeps metadata, nor resize where it keeps data; a backing file may change only under a parent that may
    /// change.
    /// </summary>
    public static NodePermissions OnChild(ChildRole role, NodePermissions parentShares)
    {
        if ((role & ChildRole.Backing) != 0)
        {
            bool mayChange = (parentShares & NodePermissions.Write) != 0;
            return mayChange ? NodePermissions.All : NodePermissions.ConsistentRead | NodePermissions.WriteUnchanged;
        }

        NodePermissions shares = parentShares;
        if ((role & ChildRole.Metadata) != 0)
            shares &= ~(NodePermissions.Write | NodePermissions.Resize);
        if ((role & ChildRole.Data) != 0)
            shares &= ~NodePermissions.Resize;
        return shares;
    }

    /// <summary>What the user of a root node does with it: what its flags allow.</summary>
    public static NodePermissions OfRoot(OpenFlags flags)
    {
        NodePermissions uses = NodePermissions.None;
        if ((flags & OpenFlags.NoDataIo) == 0)
        {
            uses |= NodePermissions.ConsistentRead;
            if ((flags & OpenFlags.ReadWrite) != 0)
                uses |= NodePermissions.Write;
        }

        if ((flags & OpenFlags.Resize) != 0)
            uses |= NodePermissions.Resize;
        return uses;
    }

    /// <summary>What the user of a root node lets others do with it.</summary>
    public static NodePermissions ByRoot(OpenFlags flags) => (flags & OpenFlags.NoShare) != 0
        ? NodePermissions.ConsistentRead | NodePermissions.WriteUnchanged
        : NodePermissions.All;

    /// <summary>
    /// What a parent that is used for <paramref name="parentUses"/> does with a child in <paramref name="role"/>: a
    /// format writes metadata, and grows its file, whenever it may (<paramref name="isWritable"/>); a backing file is
    /// only read.
    /// </summary>
    public static NodePermissions OfChild(ChildRole role, NodePermissions parentUses, bool isWritable)
    {
        if ((role & ChildRole.Backing) != 0)
            return parentUses & NodePermissions.ConsistentRead;
        bool writesMetadata = (role & ChildRole.Metadata) != 0 && isWritable;
        bool writesData = (role & ChildRole.Data) != 0 && (parentUses & NodePermissions.Write) != 0;
        return writesMetadata || writesData
            ? parentUses | NodePermissions.Write | NodePermissions.Resize
            : parentUses;
    }
}
