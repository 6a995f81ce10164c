using Byre.Block.Buffers;
using Byre.Block.Errors;
using Byre.Block.Requests;

namespace Byre.Block.Graph;

/// <summary>
/// A node of the block graph: a file, an image format over a file, or a filter. Addressed in bytes.
/// <para>Reads beyond <see cref="LengthBytes"/> give zeroes; writes beyond it extend nodes that can grow and fail
/// with EIO on others: guest-facing bounds are checked by <see cref="BlockBackend"/>.</para>
/// <para>Threading: requests may be issued concurrently from any thread. A request may complete synchronously. Two
/// requests that overlap and are in flight together have no defined order. <see cref="DisposeAsync"/> must be called
/// when no request is in flight; it flushes, and may throw.</para>
/// <para>Errors: <see cref="BlockException"/>. After a failed flush the node accepts no more writes.</para>
/// </summary>
public abstract partial class BlockNode : IAsyncDisposable
{
    private static int s_lastNodeNumber;

    private string? _nodeName;
    private OpenFlags _openedFlags;
    private DetectZeroesMode _detectZeroes;

    /// <summary>The name given by "node-name", or one made up ("#block123").</summary>
    public string NodeName
    {
        get => _nodeName ??= $"#block{Interlocked.Increment(ref s_lastNodeNumber):D3}";
        set => _nodeName = value;
    }

    /// <summary>The driver that opened the node.</summary>
    public abstract BlockDriver Driver { get; }

    /// <summary>
    /// The name to show for the node: a file name as it was given, or "json:{...}" where only that describes it.
    /// </summary>
    public string FileName { get; set; } = "";

    /// <summary>
    /// The file name without options of the node where one alone describes the node, else empty: what relative
    /// backing file names are relative to and what is written as a backing file name.
    /// </summary>
    public string ExactFileName { get; set; } = "";

    /// <summary>
    /// The options the node was opened with, complete enough to open it again; for "json:{}" names and reopen.
    /// </summary>
    public OptionSet EffectiveOptions { get; set; } = new();

    /// <summary>The flags the node was opened with. Set while no request is in flight.</summary>
    public OpenFlags OpenedFlags
    {
        get => _openedFlags;
        set
        {
            if (_openedFlags == value)
                return;
            _openedFlags = value;
            ForgetRequestShape();
        }
    }

    /// <summary>
    /// The tree of options that describes this node and its children; what "json:{}" names are written from.
    /// </summary>
    internal OptionTree? FullOptions { get; set; }

    /// <summary>
    /// The backing file's name as the image has it, or the name of the node that was opened from it: a backing node
    /// with another name was put there by the user. Empty for none.
    /// </summary>
    internal string AutoBackingFileName { get; set; } = "";

    /// <summary>What becomes of a write whose data is all zeroes. Set while no request is in flight.</summary>
    public DetectZeroesMode DetectZeroes
    {
        get => _detectZeroes;
        set
        {
            _detectZeroes = value;
            ForgetRequestShape();
        }
    }

    /// <summary>True where a read stores what it had to take from the backing file.</summary>
    public bool CopiesOnRead => (OpenedFlags & OpenFlags.CopyOnRead) != 0;

    /// <summary>Current length in bytes.</summary>
    public abstract long LengthBytes { get; }

    /// <summary>What requests must obey; constant while the node is open.</summary>
    public virtual BlockLimits Limits => BlockLimits.Default;

    /// <summary>True where writes are refused.</summary>
    public virtual bool IsReadOnly => (OpenedFlags & OpenFlags.ReadWrite) == 0;

    /// <summary>All children, in print order.</summary>
    public virtual IReadOnlyList<BlockChild> Children => [];

    /// <summary>The backing file's node; null for none.</summary>
    public virtual BlockNode? Backing => null;

    /// <summary>
    /// The child that holds this node's own content (the "file" child, or a filter's only child); null for protocols.
    /// </summary>
    public virtual BlockNode? File => null;

    /// <summary>True where bytes past the old end of a grown node are sure to read as zeroes.</summary>
    public virtual bool HasZeroInitialisedGrowth => false;

    /// <summary>True where a freshly created node reads as zeroes everywhere.</summary>
    public virtual bool HasZeroInitialisation => false;

    /// <summary>False where write-zeroes is known to fail with ENOTSUP, so that it need not be tried.</summary>
    public virtual bool CanWriteZeroes => true;

    /// <summary>
    /// True where the driver obeys <see cref="RequestFlags.ForceUnitAccess"/>; else a flush after the request stands
    /// in.
    /// </summary>
    public virtual bool SupportsForceUnitAccess => false;

    /// <summary>
    /// True where a node below acts on named moments, so that reaching them makes a difference. Constant while open.
    /// </summary>
    public virtual bool WantsEvents => File?.WantsEvents ?? false;

    /// <summary>
    /// True where write-zeroes with <see cref="RequestFlags.MayUnmap"/> is done without writing buffers.
    /// </summary>
    public virtual bool CanUnmapZeroes => false;

    /// <summary>True where writes with <see cref="RequestFlags.Compressed"/> are stored compressed.</summary>
    public virtual bool CanWriteCompressed => false;

    /// <summary>
    /// The directory that relative names in the image are relative to, with its protocol prefix and final slash;
    /// empty for the current one.
    /// </summary>
    /// <exception cref="BlockException">The node has no directory.</exception>
    public virtual string DirectoryName()
    {
        if (File is { } file)
            return file.DirectoryName();
        if (ExactFileName.Length > 0)
            return FileNames.Combine(ExactFileName, "");
        throw BlockException.NotSupported($"Cannot generate a base directory for {Driver.Name} nodes");
    }

    /// <summary>
    /// For drivers with a rule of their own: the plain file name that describes the node, empty where none does. Null:
    /// the general rule (a format's is its file's; a protocol's is its "filename").
    /// </summary>
    /// <param name="options">The node's own options of which some are strong.</param>
    protected internal virtual string? DescribeFileName(OptionSet options) => null;

    /// <summary>
    /// Host bytes in use by the node's own content, backing files excluded; null where unknown. The base adds up the
    /// children's.
    /// </summary>
    public virtual async ValueTask<long?> GetAllocatedBytesAsync(CancellationToken cancellation = default)
    {
        long? sum = null;
        foreach (BlockChild child in Children)
        {
            if ((child.Role & ChildRole.Backing) != 0)
                continue;
            if (await child.Node.GetAllocatedBytesAsync(cancellation).ConfigureAwait(false) is not { } bytes)
                return null;
            sum = (sum ?? 0) + bytes;
        }

        return sum;
    }

    /// <summary>What the format knows of the image.</summary>
    public virtual ValueTask<ImageInfo> GetImageInfoAsync(CancellationToken cancellation = default) =>
        new(new ImageInfo());

    /// <summary>
    /// Reaches a named moment. Filters that inject errors throw, those that pause complete later; others pass it
    /// down.
    /// </summary>
    public virtual ValueTask ReachAsync(BlockEvent moment, CancellationToken cancellation = default) =>
        File is { } file ? file.ReachAsync(moment, cancellation) : default;

    /// <summary>Reads the vm state area at <paramref name="position"/> bytes from its start.</summary>
    public virtual ValueTask LoadVmStateAsync(
        long position, IoVector destination, CancellationToken cancellation = default) =>
        throw BlockException.FromErrno(Errno.NotSupported);

    /// <summary>Writes the vm state area at <paramref name="position"/> bytes from its start.</summary>
    public virtual ValueTask SaveVmStateAsync(
        long position, IoVector source, CancellationToken cancellation = default) =>
        throw BlockException.FromErrno(Errno.NotSupported);

    /// <summary>
    /// Changes the backing file's name and format as recorded in the image; nothing is opened. Null removes them.
    /// </summary>
    public virtual ValueTask ChangeBackingFileAsync(
        string? fileName, string? format, CancellationToken cancellation = default) =>
        throw BlockException.FromErrno(Errno.NotSupported);

    /// <summary>
    /// Replaces the node that unallocated ranges fall through to, without touching the image. The old one is not
    /// disposed.
    /// </summary>
    public virtual void ReplaceBacking(BlockNode? backing) => throw BlockException.FromErrno(Errno.NotSupported);

    /// <summary>What the node's users do with it and let others do meanwhile, as far as anybody said so.</summary>
    public (NodePermissions Used, NodePermissions Shared) Permissions { get; internal set; } =
        (NodePermissions.None, NodePermissions.All);

    /// <summary>
    /// Says what the node's user does with it and lets other programs do meanwhile. Nodes that hold locks change them;
    /// the base tells the children, by their roles.
    /// </summary>
    /// <exception cref="BlockException">Another program stands in the way
    /// (<see cref="BlockErrorKind.Locked"/>).</exception>
    public virtual void SetPermissions(NodePermissions used, NodePermissions shared)
    {
        Permissions = (used, shared);
        foreach (BlockChild child in Children)
        {
            child.Node.SetPermissions(
                NodeSharing.OfChild(child.Role, used, !IsReadOnly), NodeSharing.OnChild(child.Role, shared));
        }
    }

    /// <summary>
    /// Takes new runtime options and flags on an open node ("reopen"): everything or nothing. The base accepts a
    /// change of flags only.
    /// </summary>
    public virtual ValueTask ReopenAsync(OptionSet options, OpenFlags flags, CancellationToken cancellation = default)
    {
        OpenedFlags = flags;
        return default;
    }

    /// <summary>
    /// Advice to the node below a format that writes are going to make it longer, bit by bit. While the node is open
    /// what lies below it may be longer than <see cref="LengthBytes"/>.
    /// </summary>
    public virtual void ExpectAppends()
    {
    }

    /// <summary>
    /// Removes the file that the node is stored in, before or after it was closed: what becomes of an image whose
    /// creation failed. Nothing happens where there is none, or where it cannot be removed.
    /// </summary>
    public virtual ValueTask DeleteFileAsync() => default;

    /// <summary>Flushes, closes the node and then its children.</summary>
    public abstract ValueTask DisposeAsync();
}
