using Byre.Block.Graph;
using Byre.Qcow2.Layout;
using Byre.Qcow2.Metadata;

namespace Byre.Qcow2.Io;

/// <summary>What the driver found when it opened an image: everything the node needs to begin. Immutable.</summary>
internal sealed record Qcow2OpenContext
{
    public required BlockDriver Driver { get; init; }

    /// <summary>The image file; owned by the node from the moment it is opened.</summary>
    public required BlockNode File { get; init; }

    /// <summary>The external data file; null without. Owned by the node.</summary>
    public BlockNode? DataFile { get; init; }

    public required ImageHeader Header { get; init; }

    public required MetadataOptions Options { get; init; }

    public required OpenFlags Flags { get; init; }

    /// <summary>Computes the options anew when the image is reopened with other ones.</summary>
    public Func<OptionSet, OpenFlags, ImageHeader, MetadataOptions>? ParseOptions { get; init; }
}
