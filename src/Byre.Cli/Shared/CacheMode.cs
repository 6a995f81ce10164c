using Byre.Block.Graph;

namespace Byre.Cli.Shared;

/// <summary>The cache modes of <c>-t</c> and <c>-T</c>.</summary>
/// <param name="Flags">What the mode adds to a node's flags.</param>
/// <param name="WriteThrough">Every write is flushed.</param>
internal readonly record struct CacheMode(OpenFlags Flags, bool WriteThrough)
{
    /// <summary>The mode called <paramref name="name"/>; false where there is none.</summary>
    public static bool TryParse(string name, out CacheMode mode)
    {
        CacheMode? found = name switch
        {
            "off" or "none" => new CacheMode(OpenFlags.CacheDirect, false),
            "directsync" => new CacheMode(OpenFlags.CacheDirect, true),
            "writeback" => new CacheMode(OpenFlags.None, false),
            "unsafe" => new CacheMode(OpenFlags.CacheNoFlush, false),
            "writethrough" => new CacheMode(OpenFlags.None, true),
            _ => null,
        };
        mode = found.GetValueOrDefault();
        return found is not null;
    }
}
