namespace Byre.Block.Filters.Blkdebug;

/// <summary>The request that reaches the moment is held; the rule is gone then.</summary>
internal sealed class BreakpointRule(string tag) : BlkdebugRule
{
    public string Tag { get; } = tag;
}
