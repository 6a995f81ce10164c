using Byre.Block.Errors;
using Byre.Block.Graph;
using Byre.Cli.Shared;

namespace Byre.Cli.QemuIo;

/// <summary>
/// How an image is to be opened, as the program's options and those of "open" describe it. Filled while options are
/// read.
/// </summary>
internal sealed class IoOpenRequest
{
    private OpenFlags _cacheFlags;

    /// <summary>The file's name; null where the options describe the image alone.</summary>
    public string? FileName { get; set; }

    /// <summary>Options of the block driver.</summary>
    public OptionSet Options { get; } = new();

    /// <summary>-r.</summary>
    public bool IsReadOnly { get; set; }

    /// <summary>-s: writes go to a temporary overlay.</summary>
    public bool UsesTemporaryOverlay { get; set; }

    /// <summary>-C.</summary>
    public bool CopiesOnRead { get; set; }

    /// <summary>-U.</summary>
    public bool ForceShare { get; set; }

    /// <summary>Discards reach the file: not with "-d ignore".</summary>
    public bool Unmaps { get; private set; } = true;

    /// <summary>Every write is flushed: the default of this program.</summary>
    public bool WriteThrough { get; private set; } = true;

    /// <summary>
    /// Asynchronous requests are started on threads of their own, so that they overlap wherever they can. Otherwise
    /// each runs
    /// in the thread that starts it until it has to wait, and runs are repeatable: "threads", the default.
    /// </summary>
    public bool StartsInParallel { get; private set; }

    /// <summary>-n.</summary>
    public void BypassHostCache()
    {
        _cacheFlags |= OpenFlags.CacheDirect;
        WriteThrough = false;
    }

    /// <summary>-t.</summary>
    /// <exception cref="CommandException">There is no such mode.</exception>
    public void SetCacheMode(string name)
    {
        if (!CacheMode.TryParse(name, out CacheMode mode))
            throw CommandException.Error($"Invalid cache option: {name}");
        _cacheFlags = mode.Flags;
        WriteThrough = mode.WriteThrough;
    }

    /// <summary>-d.</summary>
    /// <exception cref="CommandException">There is no such mode.</exception>
    public void SetDiscardMode(string name) => Unmaps = name switch
    {
        "ignore" or "off" => false,
        "unmap" or "on" => true,
        _ => throw CommandException.Error($"Invalid discard option: {name}"),
    };

    /// <summary>
    /// -i, and -k for "native". Files are always read and written by the thread that asks; what the mode decides is
    /// which
    /// thread that is for the requests of "aio_read" and "aio_write".
    /// </summary>
    /// <exception cref="CommandException">There is no such mode.</exception>
    public void SetAioMode(string name) => StartsInParallel = name switch
    {
        "threads" => false,
        "native" or "io_uring" => true,
        _ => throw CommandException.Error($"Invalid aio option: {name}"),
    };

    /// <summary>Opens the image.</summary>
    /// <exception cref="BlockException">With the text that follows "can't open device X: ".</exception>
    public async ValueTask<BlockBackend> OpenAsync(ProgramContext context)
    {
        if (ForceShare)
            Options["force-share"] = "on";
        OpenFlags flags = _cacheFlags;
        if (!IsReadOnly)
            flags |= OpenFlags.ReadWrite;
        if (Unmaps)
            flags |= OpenFlags.Unmap;
        if (CopiesOnRead)
            flags |= OpenFlags.CopyOnRead;

        BlockNode node = UsesTemporaryOverlay
            ? await context.Images.OpenUnderOverlayAsync(FileName, Options, flags).ConfigureAwait(false)
            : await context.Images.OpenAsync(FileName, Options, flags).ConfigureAwait(false);
        if (node.IsReadOnly && !IsReadOnly)
        {
            await node.DisposeAsync().ConfigureAwait(false);
            throw new BlockException(BlockErrorKind.ReadOnly, Errno.OperationNotPermitted, "Block node is read-only");
        }

        return new BlockBackend(node, writeCache: !WriteThrough);
    }
}
