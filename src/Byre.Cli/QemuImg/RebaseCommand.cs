using Byre.Block.Errors;
using Byre.Block.Graph;
using Byre.Block.Jobs;
using Byre.Cli.Shared;

namespace Byre.Cli.QemuImg;

/// <summary>
/// <c>rebase</c>: gives an overlay another backing file. Safe (its content stays what it was) or unsafe (<c>-u</c>,
/// only the name changes).
/// </summary>
internal sealed class RebaseCommand : Verb
{
    /// <summary>Percent points between two lines of progress.</summary>
    private const float ProgressStep = 2.0f;

    /// <summary>What the peer compares at a time.</summary>
    private const long PeerRequestBytes = 2 << 20;

    public override string Name => "rebase";

    public override async ValueTask<int> RunAsync(string[] arguments, ProgramContext context)
    {
        if (RebaseArguments.TryParse(arguments, context) is not { } parsed)
            return 0;
        using var progress = new ProgressPrinter(context, parsed.Progress, ProgressStep, "rebase");
        progress.Print(0f);
        try
        {
            await using var open = new OpenImages(context);
            BlockBackend image = await OpenOverlayAsync(parsed).ConfigureAwait(false);
            open.Add(image);
            BlockNode overlay = BackingChain.SkipFilters(image.Root);
            if (parsed.Compressed && !overlay.Driver.SupportsCompression)
                throw BlockException.NotSupported("Compression not supported for this file format");
            if (parsed.BackingFormat is { } format && context.Images.Opener.Registry.Find(format) is null)
                throw BlockException.Invalid($"Invalid format name: '{format}'");
            if (!parsed.IsUnsafe)
                await CopyDifferencesAsync(parsed, context, open, image.Root, overlay, progress).ConfigureAwait(false);

            await ChangeBackingAsync(parsed, overlay).ConfigureAwait(false);
            await open.CloseAsync().ConfigureAwait(false);
            progress.Print(100f);
        }
        finally
        {
            progress.End();
        }

        return 0;
    }

    private static ValueTask<BlockBackend> OpenOverlayAsync(RebaseArguments parsed)
    {
        if (!CacheMode.TryParse(parsed.Cache, out CacheMode cache))
            throw BlockException.Invalid($"Invalid cache option: {parsed.Cache}");
        if (!CacheMode.TryParse(parsed.SourceCache, out _))
            throw BlockException.Invalid($"Invalid source cache option: {parsed.SourceCache}");

        // The old backing file may have been renamed or be gone: that is what the unsafe mode repairs.
        OpenFlags flags = OpenFlags.ReadWrite | cache.Flags | (parsed.IsUnsafe ? OpenFlags.NoBacking : OpenFlags.None);
        return parsed.Images.OpenAsync(parsed.Overlay, flags, cache.WriteThrough);
    }

    private static async ValueTask CopyDifferencesAsync(
        RebaseArguments parsed,
        ProgramContext context,
        OpenImages open,
        BlockNode top,
        BlockNode overlay,
        ProgressPrinter progress)
    {
        ImageInfo info = await overlay.GetImageInfoAsync().ConfigureAwait(false);
        int subcluster = info.SubclusterSizeBytes > 0 ? info.SubclusterSizeBytes : info.ClusterSizeBytes;
        int alignment = parsed.Compressed ? info.ClusterSizeBytes : subcluster;

        BlockNode? newBacking = null;
        bool isInChain = false;
        if (parsed.Backing is { Length: > 0 } name)
        {
            string path = ResolveBackingName(top, name);
            newBacking = await BackingChain.FindAsync(overlay, path).ConfigureAwait(false);
            isInChain = newBacking is not null;
            if (newBacking is null)
            {
                BlockBackend image = await OpenNewBackingAsync(parsed, context, path).ConfigureAwait(false);
                open.Add(image);
                newBacking = image.Root;
            }
        }

        // The peer counts pieces that were compared, as if each were its longest request.
        float share = 100f / Math.Max(1, top.LengthBytes / Math.Max(1, Math.Min(top.LengthBytes, PeerRequestBytes)));
        var job = new RebaseJob(top, new RebaseOptions
        {
            OldBacking = overlay.Backing,
            NewBacking = newBacking,
            NewBackingIsInChain = isInChain,
            Compressed = parsed.Compressed,
            Progress = state =>
            {
                if (parsed.Progress == ProgressMode.Json)
                    progress.Report(state.BytesDone, state.BytesTotal);
                else
                    progress.Advance(share, 100);
            },
        });
        await job.RunAsync(Math.Max(1, alignment)).ConfigureAwait(false);
    }

    private static string ResolveBackingName(BlockNode top, string name)
    {
        try
        {
            string overlayName = top.ExactFileName.Length > 0 ? top.ExactFileName : top.FileName;
            return FileNames.ResolveFromFileName(overlayName, name) ?? name;
        }
        catch (BlockException failure)
        {
            throw failure.Prepend("Could not resolve backing filename: ");
        }
    }

    private static async ValueTask<BlockBackend> OpenNewBackingAsync(
        RebaseArguments parsed, ProgramContext context, string path)
    {
        if (!CacheMode.TryParse(parsed.SourceCache, out CacheMode cache))
            throw BlockException.Invalid($"Invalid source cache option: {parsed.SourceCache}");
        var options = new OptionSet();
        if (parsed.BackingFormat is not null)
            options["driver"] = parsed.BackingFormat;
        if (parsed.ForceShare)
            options["force-share"] = "on";
        try
        {
            return new BlockBackend(await context.Images.OpenAsync(path, options, cache.Flags).ConfigureAwait(false));
        }
        catch (BlockException failure)
        {
            throw failure.Prepend($"Could not open new backing file '{parsed.Backing}': ");
        }
    }

    private static async ValueTask ChangeBackingAsync(RebaseArguments parsed, BlockNode overlay)
    {
        string? name = string.IsNullOrEmpty(parsed.Backing) ? null : parsed.Backing;
        string prefix = $"Could not change the backing file to '{parsed.Backing}': ";
        if (name is not null && parsed.BackingFormat is null)
            throw BlockException.Invalid(prefix + "backing format must be specified");
        try
        {
            string? format = name is null ? null : parsed.BackingFormat;
            await overlay.ChangeBackingFileAsync(name, format).ConfigureAwait(false);
        }
        catch (BlockException failure)
        {
            string reason = failure.Errno == Errno.NoSpace
                ? "No space left in the file header"
                : Errno.Describe(failure.Errno);
            throw new BlockException(failure.Kind, failure.Errno, prefix + reason, failure);
        }
    }
}
