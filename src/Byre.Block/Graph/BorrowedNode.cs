using Byre.Block.Filters;

namespace Byre.Block.Graph;

/// <summary>
/// A second parent's view of a node that somebody else owns (an option gave its node name): closing it leaves the
/// node open.
/// </summary>
internal sealed class BorrowedNode : FilterNode
{
    public BorrowedNode(BlockNode lender)
        : base(lender.Driver, lender)
    {
        NodeName = lender.NodeName;
        FileName = lender.FileName;
        ExactFileName = lender.ExactFileName;
        EffectiveOptions = lender.EffectiveOptions;
        OpenedFlags = lender.OpenedFlags;
        FullOptions = lender.FullOptions;
    }

    /// <summary>The lender's own users keep what they have: this one's needs come on top.</summary>
    public override void SetPermissions(NodePermissions used, NodePermissions shared)
    {
        (NodePermissions lenderUsed, NodePermissions lenderShared) = Child.Permissions;
        Child.SetPermissions(lenderUsed | used, lenderShared & shared);
        Permissions = (used, shared);
    }

    public override bool IsReadOnly => Child.IsReadOnly;

    protected override ValueTask CloseAsync() => Child.FlushAsync();
}
