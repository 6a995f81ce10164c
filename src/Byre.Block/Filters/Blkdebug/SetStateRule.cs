namespace Byre.Block.Filters.Blkdebug;

/// <summary>From the moment on, the filter is in another state.</summary>
internal sealed class SetStateRule : BlkdebugRule
{
    public int NewState { get; init; }
}
