namespace Byre;

/// <summary>How writes go through the host, named as the peer's <c>-t</c> option names it.</summary>
public enum CacheMode
{
    /// <summary>Through the host's page cache; stable after a flush.</summary>
    Writeback,

    /// <summary>Past the page cache (O_DIRECT); stable after a flush.</summary>
    None,

    /// <summary>Through the page cache; each write is stable when it completes.</summary>
    Writethrough,

    /// <summary>Past the page cache; each write is stable when it completes.</summary>
    Directsync,

    /// <summary>Through the page cache; flushes do nothing. For images that can be made again.</summary>
    Unsafe,
}
