namespace Byre.Block.Graph;

/// <summary>How a node is opened. Children inherit these unless their role or their options say otherwise.</summary>
[Flags]
public enum OpenFlags
{
    None = 0,

    /// <summary>Writes will be made; without it the node is read-only.</summary>
    ReadWrite = 1,

    /// <summary>Fall back to read-only where the file cannot be opened for writing.</summary>
    AutoReadOnly = 2,

    /// <summary>Do not open the backing file.</summary>
    NoBacking = 4,

    /// <summary>Pass discards down (<c>discard=unmap</c>).</summary>
    Unmap = 8,

    /// <summary>Bypass the host's page cache (<c>cache.direct=on</c>, O_DIRECT).</summary>
    CacheDirect = 16,

    /// <summary>Never flush (<c>cache.no-flush=on</c>).</summary>
    CacheNoFlush = 32,

    /// <summary>Take no lock and tolerate another writer (<c>force-share=on</c>, -U).</summary>
    ForceShare = 64,

    /// <summary>The image is opened to be checked: tolerate what a check can repair.</summary>
    Check = 128,

    /// <summary>Only metadata is wanted: the data file need not be usable.</summary>
    NoDataIo = 256,

    /// <summary>Resizing is intended.</summary>
    Resize = 512,

    /// <summary>The node is a protocol (file, host_device, null-co): do not probe for a format above it.</summary>
    Protocol = 1024,

    /// <summary>Enable copy-on-read.</summary>
    CopyOnRead = 2048,

    /// <summary>Nobody else may write or resize while the root is open; formats see to that by themselves.</summary>
    NoShare = 4096,
}
