using Byre.Block.Errors;
using Byre.Block.Graph;

namespace Byre.Cli.QemuImg;

/// <summary>Everything <c>info</c> tells of one node and of the nodes below it. Immutable.</summary>
internal sealed class NodeInfo
{
    /// <summary>Lengths are told in whole sectors, also of files that end in the middle of one.</summary>
    private const int SectorBytes = 512;

    private NodeInfo(BlockNode node, ImageInfo image)
    {
        FileName = node.FileName;
        Format = node.Driver.Name;
        LengthBytes = (node.LengthBytes + SectorBytes - 1) / SectorBytes * SectorBytes;
        Image = image;
        bool isHostFile = Format is "file" or "host_device" or "host_cdrom";
        // Only nodes over a file, or files themselves, know whether they were closed cleanly.
        KnowsDirtyFlag = node.File is not null || isHostFile;
        FormatSpecific = image.FormatSpecific ?? (isHostFile ? new InfoObject() : null);
    }

    public string FileName { get; }

    public string Format { get; }

    /// <summary>Virtual size, or the length of a file.</summary>
    public long LengthBytes { get; }

    /// <summary>Host bytes in use; null where unknown.</summary>
    public long? AllocatedBytes { get; private init; }

    public ImageInfo Image { get; }

    public bool KnowsDirtyFlag { get; }

    /// <summary>"Format specific information"; empty for files, null where there is none.</summary>
    public InfoObject? FormatSpecific { get; }

    public string? BackingFileName => Image.BackingFileName;

    public string? BackingFormat => Image.BackingFormat;

    /// <summary>
    /// The backing file's name, independent of the current directory; null for none, or where it cannot be told.
    /// </summary>
    public string? FullBackingFileName { get; private init; }

    /// <summary>The children with their names, in print order.</summary>
    public IReadOnlyList<(string Name, NodeInfo Info)> Children { get; private init; } = [];

    /// <summary>Collects the facts of a node and its children.</summary>
    public static async ValueTask<NodeInfo> CollectAsync(BlockNode node)
    {
        ImageInfo image = await node.GetImageInfoAsync().ConfigureAwait(false);
        var children = new List<(string Name, NodeInfo Info)>(node.Children.Count);
        foreach (BlockChild child in node.Children)
            children.Add((child.Name, await CollectAsync(child.Node).ConfigureAwait(false)));
        return new NodeInfo(node, image)
        {
            AllocatedBytes = await node.GetAllocatedBytesAsync().ConfigureAwait(false),
            FullBackingFileName = ResolveBacking(node, image),
            Children = children,
        };
    }

    /// <summary>The node as QEMU's JSON.</summary>
    public InfoObject ToJson()
    {
        var children = new List<object>(Children.Count);
        foreach ((string name, NodeInfo info) in Children)
            children.Add(new InfoObject().Add("name", name).Add("info", info.ToJson()));

        return new InfoObject()
            .Add("filename", FileName)
            .Add("format", Format)
            .Add("dirty-flag", KnowsDirtyFlag ? Image.IsDirty : null)
            .Add("actual-size", AllocatedBytes)
            .Add("virtual-size", LengthBytes)
            .Add("cluster-size", Image.ClusterSizeBytes > 0 ? Image.ClusterSizeBytes : null)
            .Add("encrypted", Image.IsEncrypted ? true : null)
            .Add("backing-filename", BackingFileName)
            .Add("full-backing-filename", FullBackingFileName)
            .Add("backing-filename-format", BackingFormat)
            .Add("snapshots", Image.Snapshots.Count > 0 ? SnapshotsToJson() : null)
            .Add("format-specific", FormatSpecific is { } specific ? Typed(specific) : null)
            .Add("children", children);
    }

    private static string? ResolveBacking(BlockNode node, ImageInfo image)
    {
        try
        {
            return FileNames.Resolve(node, image.BackingFileName);
        }
        catch (BlockException)
        {
            // A relative name in an image that has no directory: "(cannot determine actual path)".
            return null;
        }
    }

    private InfoObject Typed(InfoObject specific) =>
        new InfoObject().Add("type", Format is "host_device" or "host_cdrom" ? "file" : Format).Add("data", specific);

    private List<object> SnapshotsToJson()
    {
        const ulong NanosecondsPerSecond = 1_000_000_000;
        var list = new List<object>(Image.Snapshots.Count);
        foreach (SnapshotInfo snapshot in Image.Snapshots)
        {
            list.Add(new InfoObject()
                .Add("id", snapshot.Id)
                .Add("name", snapshot.Name)
                .Add("vm-state-size", snapshot.VmStateBytes)
                .Add("date-sec", snapshot.DateSeconds)
                .Add("date-nsec", snapshot.DateNanoseconds)
                .Add("vm-clock-sec", (long)(snapshot.VmClockNanoseconds / NanosecondsPerSecond))
                .Add("vm-clock-nsec", (long)(snapshot.VmClockNanoseconds % NanosecondsPerSecond))
                .Add("icount", (long?)snapshot.InstructionCount));
        }

        return list;
    }
}
