namespace Byre.Block.Graph;

/// <summary>Which permissions a parent lets others have on its child. Stateless.</summary>
public static class NodeSharing
{
    /// <summary>
    /// What the parent of a child in <paramref name="role"/> shares on it, where the parent's own users share
    /// <paramref name="parentShares"/> on the parent: a filter hands that on; nobody else may write or resize where a
    /// format keeps metadata, nor resize where it keeps data; a backing file may change only under a parent that may change.
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
}
