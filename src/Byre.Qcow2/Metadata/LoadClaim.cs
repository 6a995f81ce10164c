namespace Byre.Qcow2.Metadata;

/// <summary>What became of a request to load a slice; see <see cref="SliceCache.BeginLoad"/>.</summary>
internal enum LoadClaim
{
    /// <summary>The caller loads it.</summary>
    Mine,

    /// <summary>Somebody else loads it.</summary>
    Wait,

    /// <summary>It is there, and pinned for the caller.</summary>
    Ready,

    /// <summary>No entry can be evicted without a write-back.</summary>
    Full,
}
