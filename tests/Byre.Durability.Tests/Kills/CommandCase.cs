namespace Byre.Durability.Tests.Kills;

/// <summary>A command that changes an image, and what the image may hold when it was killed.</summary>
/// <param name="Name">For failures.</param>
/// <param name="Options">Creation options of the image.</param>
/// <param name="Arguments">Of the program; "{0}" stands for the image, "{1}" for its folder.</param>
internal sealed record CommandCase(string Name, string Options, params string[] Arguments)
{
    /// <summary>The image is an overlay over one that has content of its own.</summary>
    public bool HasBacking { get; init; }

    /// <summary>The image is left as by a writer that was killed: its counts may be wrong.</summary>
    public bool IsDirty { get; init; }

    /// <summary>The content may also be that of the snapshot "first".</summary>
    public bool MayShowSnapshot { get; init; }

    /// <summary>"first" may be gone.</summary>
    public bool MayLoseSnapshot { get; init; }

    /// <summary>The length may become this; 0: it stays.</summary>
    public int NewBytes { get; init; }

    public const int DiskBytes = 1 << 20;

    public static IReadOnlyList<CommandCase> All { get; } =
    [
        new("take a snapshot", "cluster_size=4096", "snapshot", "-c", "second", "{0}"),
        new("take a snapshot, subclusters", "extended_l2=on,cluster_size=16384", "snapshot", "-c", "second", "{0}"),
        new("delete a snapshot", "cluster_size=4096", "snapshot", "-d", "first", "{0}") { MayLoseSnapshot = true },
        new("apply a snapshot", "cluster_size=4096", "snapshot", "-a", "first", "{0}") { MayShowSnapshot = true },
        new("apply a snapshot, lazy refcounts", "lazy_refcounts=on", "snapshot", "-a", "first", "{0}")
        {
            MayShowSnapshot = true,
        },
        new("grow", "cluster_size=512", "resize", "-q", "{0}", "5M") { NewBytes = 5 << 20 },
        new("grow with preallocation", "cluster_size=4096", "resize", "-q", "--preallocation=metadata", "{0}", "2M")
        {
            NewBytes = 2 << 20,
        },
        new("shrink", "cluster_size=512", "resize", "-q", "--shrink", "{0}", "256k") { NewBytes = 256 << 10 },
        new("repair", "cluster_size=4096,lazy_refcounts=on", "check", "-r", "all", "{0}") { IsDirty = true },
        new("write the same over compressed clusters", "cluster_size=4096", "io", "-c", "write -P 4 512k 64k", "{0}"),
        new("detach from the backing file", "cluster_size=4096", "rebase", "-q", "-b", "", "{0}")
        {
            HasBacking = true,
        },
        new("convert", "cluster_size=4096", "convert", "-O", "qcow2", "{0}", "{1}/target.qcow2"),
        new("convert, compressed", "cluster_size=4096", "convert", "-c", "-O", "qcow2", "{0}", "{1}/target.qcow2"),
    ];
}
