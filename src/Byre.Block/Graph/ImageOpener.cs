using Byre.Block.Errors;

namespace Byre.Block.Graph;

/// <summary>
/// Opens images: by file name, by options, or both, probing the format where none is given, with their backing chain.
/// <para>Thread-safe as long as no node name is used twice. A node opened belongs to the caller, its children to
/// it.</para>
/// <para>Errors: <see cref="BlockException"/> with the text that the peer prints after its own prefix
/// ("Could not open 'F': " is the program's).</para>
/// </summary>
public sealed class ImageOpener(DriverRegistry registry) : IImageOpener
{
    /// <summary>Bound on the depth of a tree of nodes: a chain of backing files is at most this long.</summary>
    public const int MaxDepth = 200;

    private readonly Dictionary<string, WeakReference<BlockNode>> _named = new(StringComparer.Ordinal);
    private readonly Lock _namedLock = new();

    /// <summary>The drivers.</summary>
    public DriverRegistry Registry { get; } = registry;

    /// <summary>
    /// Whether files that images name may be opened: none unless set. May be changed between two opens.
    /// </summary>
    public ImplicitOpenPolicy ImplicitOpens { get; set; } = ImplicitOpenPolicy.DenyAll;

    /// <summary>
    /// Whether the format of an image that will be written to may be found out from its content, which a guest may have
    /// made. Off unless set: the format must then be given. May be changed between two opens.
    /// </summary>
    public bool ProbesWritable { get; set; }

    /// <summary>Receives warnings, without "warning: " and line end; null drops them.</summary>
    public Action<string>? Warn { get; init; }

    /// <summary>
    /// Receives the three-line text that a writable image was taken for raw only because nothing else fitted. Servers
    /// print it; null (tools) opens silently.
    /// </summary>
    public Action<string>? WarnOfProbedRaw { get; init; }

    /// <summary>Opens an image.</summary>
    /// <param name="fileName">A path, "prefix:address" or "json:{...}"; null where the options say it all.</param>
    /// <param name="flags">How to open; options of the same meaning win.</param>
    /// <param name="options">Options; not changed. They win over those in a "json:{}" name.</param>
    /// <param name="format">The driver, as "driver" in the options; null to probe.</param>
    /// <param name="cancellation">Cancels the open; nothing stays open.</param>
    public ValueTask<BlockNode> OpenAsync(
        string? fileName,
        OpenFlags flags,
        OptionSet? options = null,
        string? format = null,
        CancellationToken cancellation = default)
    {
        OptionSet own = options?.Clone() ?? new OptionSet();
        if (format is not null)
            own["driver"] = format;
        return new NodeOpening(this, parent: null, own, flags).OpenAsync(fileName, parseFileName: true, cancellation);
    }

    /// <summary>
    /// Puts a temporary qcow2 image, whose name is <paramref name="temporaryFile"/>, over <paramref name="backing"/>,
    /// which belongs to the result. The file has no name any more when the call returns: it is gone when the node is
    /// closed.
    /// </summary>
    public async ValueTask<BlockNode> OpenTemporaryOverlayAsync(
        BlockNode backing, string temporaryFile, OpenFlags flags, CancellationToken cancellation = default)
    {
        try
        {
            var creator = new ImageCreatorService(this);
            var createOptions = new OptionSet
            {
                ["size"] = backing.LengthBytes.ToString(System.Globalization.CultureInfo.InvariantCulture),
            };
            await creator.CreateAsync("qcow2", temporaryFile, createOptions, cancellation).ConfigureAwait(false);
        }
        catch (BlockException failure)
        {
            throw failure.Prepend($"Could not create temporary overlay '{temporaryFile}': ");
        }

        try
        {
            var options = new OptionSet
            {
                ["driver"] = "qcow2",
                ["file.driver"] = "file",
                ["file.filename"] = temporaryFile,
                ["cache.direct"] = "off",
                ["cache.no-flush"] = "on",
            };
            OpenFlags overlayFlags = (flags & ~OpenFlags.CopyOnRead) | OpenFlags.ReadWrite | OpenFlags.NoBacking;
            BlockNode overlay = await OpenAsync(null, overlayFlags, options, cancellation: cancellation)
                .ConfigureAwait(false);
            overlay.ReplaceBacking(backing);
            NodeNaming.Refresh(overlay);
            return overlay;
        }
        finally
        {
            File.Delete(temporaryFile);
        }
    }

    /// <summary>The open node called <paramref name="nodeName"/>.</summary>
    /// <exception cref="BlockException">"Cannot find device='' nor node-name='x'".</exception>
    public BlockNode FindNode(string nodeName)
    {
        lock (_namedLock)
        {
            if (_named.TryGetValue(nodeName, out WeakReference<BlockNode>? weak) &&
                weak.TryGetTarget(out BlockNode? node))
                return node;
        }

        throw new BlockException(
            BlockErrorKind.NotFound, Errno.NoEntry, $"Cannot find device='{nodeName}' nor node-name='{nodeName}'");
    }

    ValueTask<BlockNode?> IImageOpener.OpenChildAsync(
        OpenRequest parent,
        string name,
        ChildRole role,
        string? fileName,
        string? format,
        CancellationToken cancellation)
    {
        // A request built by hand, for a node that this opener did not open: its child is opened as a format's.
        var scope = new NodeOpening(this, parent: null, parent.Options, parent.Flags);
        return scope.OpenDetachedChildAsync(parent, name, role, fileName, format, cancellation);
    }

    /// <summary>Makes a node known by its name from now on.</summary>
    internal void Register(BlockNode node)
    {
        lock (_namedLock)
            _named[node.NodeName] = new WeakReference<BlockNode>(node);
    }
}
