using Byre.Block.Errors;
using Byre.Block.Graph;

namespace Byre.Cli.Shared;

/// <summary>
/// Opens and creates images with the drivers of <see cref="Drivers"/>. Not thread-safe.
/// </summary>
internal sealed class ImageAccess
{
    private static readonly ImplicitOpenPolicy SafePolicy =
        ImplicitOpenPolicy.DenyAll.WithRemedy("name it on the command line, or leave out --safe");

    private readonly ProgramContext _context;

    public ImageAccess(ProgramContext context)
    {
        _context = context;
        Opener = new ImageOpener(Drivers.CreateRegistry(id => context.Tls.ForClient(id)))
        {
            Warn = context.Warn,
            WarnOfProbedRaw = text => context.Errors.Write(text.EndsWith('\n') ? text : text + "\n"),
        };
        ApplySafety();
    }

    /// <summary>The opener behind it.</summary>
    public ImageOpener Opener { get; }

    /// <summary>Follows <see cref="ProgramContext.IsSafe"/>; without it images are trusted, as by the peer.</summary>
    public void ApplySafety()
    {
        Opener.ImplicitOpens = _context.IsSafe ? SafePolicy : ImplicitOpenPolicy.AllowAll;
        Opener.ProbesWritable = !_context.IsSafe;
    }

    /// <summary>
    /// Opens the node named <paramref name="fileName"/> (null where the options describe it alone), probing its
    /// format where no "driver" is given.
    /// </summary>
    /// <exception cref="BlockException">With the text that follows "Could not open 'X': ".</exception>
    public ValueTask<BlockNode> OpenAsync(
        string? fileName, OptionSet options, OpenFlags flags, CancellationToken cancellation = default) =>
        Opener.OpenAsync(fileName, flags, options, format: null, cancellation);

    /// <summary>Opens a node under a temporary overlay, which takes all writes and is gone when it is closed.</summary>
    /// <exception cref="BlockException">As <see cref="OpenAsync"/>.</exception>
    public async ValueTask<BlockNode> OpenUnderOverlayAsync(string? fileName, OptionSet options, OpenFlags flags)
    {
        OpenFlags belowFlags = flags & ~(OpenFlags.ReadWrite | OpenFlags.CopyOnRead);
        BlockNode below = await OpenAsync(fileName, options, belowFlags).ConfigureAwait(false);
        try
        {
            string? given = Environment.GetEnvironmentVariable("TMPDIR");
            string directory = string.IsNullOrEmpty(given) ? "/var/tmp" : given;
            string file = Path.Combine(directory, $"byre.{Guid.NewGuid():N}");
            return await Opener.OpenTemporaryOverlayAsync(below, file, flags).ConfigureAwait(false);
        }
        catch
        {
            await below.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>Creates an image.</summary>
    /// <param name="format">The driver.</param>
    /// <param name="fileName">The file; protocol prefixes allowed.</param>
    /// <param name="options">Normalised values, "size" among them.</param>
    /// <exception cref="BlockException">With the text that follows the file's name.</exception>
    public ValueTask CreateAsync(BlockDriver format, string fileName, OptionSet options) =>
        new ImageCreatorService(Opener).CreateAsync(format.Name, fileName, options);

    /// <summary>The driver called <paramref name="name"/>.</summary>
    /// <exception cref="BlockException">"Unknown file format 'foo'".</exception>
    public BlockDriver FindFormat(string name) =>
        Opener.Registry.Find(name) ?? throw BlockException.Invalid($"Unknown file format '{name}'");

    /// <summary>The protocol driver for a file name.</summary>
    /// <exception cref="BlockException">"Unknown protocol 'foo'".</exception>
    public BlockDriver FindProtocol(string fileName) => Opener.Registry.FindProtocol(fileName);
}
