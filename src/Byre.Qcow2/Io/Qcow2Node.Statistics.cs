using Byre.Qcow2.Metadata;

namespace Byre.Qcow2.Io;

/// <content>What the caches count.</content>
internal sealed partial class Qcow2Node : IMetadataCaches
{
    /// <inheritdoc/>
    public SliceCacheStatistics L2Statistics => _tables.L2Cache.Statistics;

    /// <inheritdoc/>
    public SliceCacheStatistics RefcountStatistics => _tables.RefcountCache.Statistics;
}
