using Byre.Block.Errors;
using Byre.Block.Filters;
using Byre.Block.Graph;
using Byre.Block.Requests;
using Byre.Cli.Shared;

namespace Byre.Cli.QemuIo;

/// <summary>
/// The exerciser's state: the open image, what is in flight on it, and where results go. Commands run one after the
/// other; only <see cref="Requests"/> is touched by other threads.
/// </summary>
internal sealed class IoSession(ProgramContext context) : IAsyncDisposable
{
    /// <summary>What buffers hold before a read: bytes that a read forgot are seen.</summary>
    public const byte UnreadPattern = 0xab;

    /// <summary>What writes write unless told otherwise.</summary>
    public const byte WrittenPattern = 0xcd;

    private BlockBackend? _image;

    /// <summary>Standard output.</summary>
    public StandardOutput Output => context.Out;

    /// <summary>The process around the session.</summary>
    public ProgramContext Context => context;

    /// <summary>Requests started and not yet reported.</summary>
    public PendingRequests Requests { get; } = new();

    /// <summary>-m: buffers are misaligned in memory.</summary>
    public bool MisalignsBuffers { get; init; }

    /// <summary>--image-opts: images are named by options.</summary>
    public bool UsesImageOptions { get; init; }

    /// <summary>Set by "quit".</summary>
    public bool QuitRequested { get; set; }

    public bool HasImage => _image is not null;

    /// <summary>The open image; only for commands that need one.</summary>
    public BlockBackend Image
    {
        get
        {
            Invariant.That(_image is not null);
            return _image;
        }
    }

    /// <summary>Opens an image; complains and returns false where that fails.</summary>
    public async ValueTask<bool> OpenAsync(IoOpenRequest request)
    {
        if (_image is not null)
        {
            context.Report("file open already, try 'help close'");
            return false;
        }

        if (request.ForceShare && request.Options.Get("force-share") is { } share && share != "on")
        {
            context.Report("-U conflicts with image options");
            return false;
        }

        try
        {
            _image = await request.OpenAsync(context).ConfigureAwait(false);
            Requests.StartsInParallel = request.StartsInParallel;
        }
        catch (BlockException failure)
        {
            string device = request.FileName is { } name ? $" device {name}" : "";
            context.Report(failure, $"can't open{device}: ");
            return false;
        }

        if (FindBreakpoints() is { } node)
            node.Announce = context.Out.WriteLine;
        return true;
    }

    /// <summary>
    /// Waits for what is in flight, then closes the image. What goes wrong is printed, and nothing more.
    /// </summary>
    public async ValueTask CloseAsync()
    {
        await Requests.DrainAsync().ConfigureAwait(false);
        if (_image is null)
            return;
        BlockBackend image = _image;
        _image = null;
        try
        {
            await image.DisposeAsync().ConfigureAwait(false);
        }
        catch (BlockException failure)
        {
            context.Report(failure);
        }
    }

    /// <summary>Runs one request to its end; meanwhile others may end and are reported.</summary>
    public async ValueTask<RequestOutcome> PerformAsync(Func<ValueTask> request)
    {
        RequestOutcome outcome = await PendingRequests.MeasureAsync(request).ConfigureAwait(false);
        Requests.Report();
        return outcome;
    }

    /// <summary>A range as a user gave it, which may be beyond everything.</summary>
    /// <exception cref="BlockException">It ends beyond the largest offset (EIO, as beyond the image's end).</exception>
    public static ByteRange RangeOf(long offset, long count) =>
        offset <= long.MaxValue - count
            ? new ByteRange(offset, count)
            : throw BlockException.FromErrno(Errno.InputOutput);

    /// <summary>The node that can hold requests.</summary>
    /// <exception cref="BlockException">There is none (ENOTSUP).</exception>
    public IBreakpointNode Breakpoints() => FindBreakpoints() ?? throw BlockException.FromErrno(Errno.NotSupported);

    public TransferBuffer FilledBuffer(long lengthBytes, byte pattern) =>
        TransferBuffer.Filled(lengthBytes, pattern, MisalignsBuffers);

    public VectoredBuffer FilledVector(ReadOnlySpan<string> lengths, byte pattern) =>
        VectoredBuffer.Filled(lengths, pattern, MisalignsBuffers);

    /// <summary>Compares what was read with a pattern and complains where it differs.</summary>
    /// <returns>True where it does not, or no pattern was given.</returns>
    public bool Verify(ReadOnlySpan<byte> bytes, long offset, byte? pattern)
    {
        if (pattern is not { } expected || !bytes.ContainsAnyExcept(expected))
            return true;
        return Fail($"Pattern verification failed at offset {offset}, {bytes.Length} bytes");
    }

    /// <summary>Adds the options of a list ("key=value,flag") to <paramref name="options"/>.</summary>
    public void AddOptions(OptionSet options, string list, string? impliedKey) =>
        options.Merge(OptionText.Parse(list, impliedKey, context.Warn), overwrite: true);

    /// <summary>Prints a line on standard output; returns false, for a command to return in turn.</summary>
    public bool Fail(string line)
    {
        Output.WriteLine(line);
        return false;
    }

    public ValueTask DisposeAsync() => CloseAsync();

    private IBreakpointNode? FindBreakpoints()
    {
        for (BlockNode? node = _image?.Root; node is not null; node = node.File)
        {
            if (node is IBreakpointNode breakpoints)
                return breakpoints;
        }

        return null;
    }
}
