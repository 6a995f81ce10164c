using Byre.Block.Graph;

namespace Byre;

/// <summary>How <see cref="Qcow2Image.OpenAsync"/> opens an image. Immutable.</summary>
public sealed record Qcow2ImageOptions
{
    /// <summary>No write will be made; the image may be on read-only storage.</summary>
    public bool ReadOnly { get; init; }

    /// <summary>How writes go through the host.</summary>
    public CacheMode Cache { get; init; } = CacheMode.Writeback;

    /// <summary>Discards and zeroes give space back to the file system.</summary>
    public bool Discard { get; init; } = true;

    /// <summary>Open even where another program has the image locked; read-only.</summary>
    public bool ForceShare { get; init; }

    /// <summary>
    /// Which files an image may name (its backing file, its data file). Denies all unless set: an image from a stranger
    /// could name any file of the host.
    /// </summary>
    public ImplicitOpenPolicy ImplicitOpens { get; init; } = ImplicitOpenPolicy.DenyAll;

    /// <summary>
    /// Further runtime options by their qcow2 names: "l2-cache-size", "refcount-cache-size", "compressed-cache-size",
    /// "lazy-refcounts", "overlap-check", "discard-no-unref" and so on.
    /// </summary>
    public IReadOnlyDictionary<string, string> RuntimeOptions { get; init; } = new Dictionary<string, string>();
}
