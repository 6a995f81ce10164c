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

    public override bool IsReadOnly => Child.IsReadOnly;

    /// <summary>The lender's locks are the lender's.</summary>
    public override void SetPermissions(NodePermissions used, NodePermissions shared)
    {
    }

    protected override ValueTask CloseAsync() => Child.FlushAsync();
}
