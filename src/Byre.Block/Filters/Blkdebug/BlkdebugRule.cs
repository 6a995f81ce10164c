using Byre.Block.Requests;

namespace Byre.Block.Filters.Blkdebug;

/// <summary>What happens at a named moment.</summary>
internal abstract class BlkdebugRule
{
    public required BlockEvent Moment { get; init; }

    /// <summary>The rule counts only while the filter is in this state; 0 for always.</summary>
    public int State { get; init; }
}
