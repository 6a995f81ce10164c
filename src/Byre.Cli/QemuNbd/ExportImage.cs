using System.Globalization;
using Byre.Block.Errors;
using Byre.Block.Graph;
using Byre.Cli.Shared;

namespace Byre.Cli.QemuNbd;

/// <summary>An image opened to be exported, with what lies around it. Closed by <see cref="DisposeAsync"/>.</summary>
internal sealed class ExportImage : IAsyncDisposable
{
    private const string ImageNodeName = "byre-exported-image";

    private readonly BlockNode? _lender;

    private ExportImage(BlockNode root, BlockNode? lender, bool writeThrough)
    {
        Backend = new BlockBackend(root, writeCache: !writeThrough);
        _lender = lender;
    }

    /// <summary>What is exported.</summary>
    public BlockBackend Backend { get; }

    /// <summary>Opens what the command line describes.</summary>
    /// <exception cref="BlockException">With the full text.</exception>
    public static async ValueTask<ExportImage> OpenAsync(ProgramContext context, NbdCommandLine line)
    {
        CacheMode cache = line.Cache.GetValueOrDefault();
        OpenFlags flags = cache.Flags;
        if (!line.IsReadOnly)
            flags |= OpenFlags.ReadWrite;
        if (line.Unmaps == true)
            flags |= OpenFlags.Unmap;
        if (line.Aio == "native" && (flags & OpenFlags.CacheDirect) == 0)
        {
            throw BlockException.Invalid(
                $"Failed to blk_new_open '{line.Image}': " +
                "aio=native was specified, but it requires cache.direct=on, which was not specified.");
        }

        BlockNode node = await OpenNodeAsync(context, line, flags).ConfigureAwait(false);
        try
        {
            if (line.OffsetBytes == 0)
                return await FinishAsync(line, node, null, cache.WriteThrough).ConfigureAwait(false);
            BlockNode window = await OpenWindowAsync(context, line, node, flags).ConfigureAwait(false);
            return await FinishAsync(line, window, node, cache.WriteThrough).ConfigureAwait(false);
        }
        catch
        {
            await node.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    public async ValueTask DisposeAsync()
    {
        await Backend.DisposeAsync().ConfigureAwait(false);
        if (_lender is not null)
            await _lender.DisposeAsync().ConfigureAwait(false);
    }

    private static async ValueTask<ExportImage> FinishAsync(
        NbdCommandLine line, BlockNode root, BlockNode? lender, bool writeThrough)
    {
        if (line.Snapshot is not null)
            await line.Snapshot.LoadAsync(BackingChain.SkipFilters(root)).ConfigureAwait(false);
        root.DetectZeroes = line.DetectZeroes;
        return new ExportImage(root, lender, writeThrough);
    }

    private static async ValueTask<BlockNode> OpenNodeAsync(
        ProgramContext context, NbdCommandLine line, OpenFlags flags)
    {
        var options = new OptionSet();
        if (line.UsesImageOptions)
        {
            if (line.Format is not null)
                throw BlockException.Invalid("--image-opts and -f are mutually exclusive");
            options = OptionText.Parse(line.Image, "file", context.Warn, keepId: true);
        }
        else if (line.Format is not null)
        {
            options["driver"] = line.Format;
        }

        if (line.OffsetBytes != 0 && !options.Contains("node-name"))
            options["node-name"] = ImageNodeName;
        string? fileName = line.UsesImageOptions ? null : line.Image;
        try
        {
            return line.UsesTemporaryOverlay
                ? await context.Images.OpenUnderOverlayAsync(fileName, options, flags).ConfigureAwait(false)
                : await context.Images.OpenAsync(fileName, options, flags).ConfigureAwait(false);
        }
        catch (BlockException failure)
        {
            throw failure.Prepend($"Failed to blk_new_open '{line.Image}': ");
        }
    }

    /// <summary>What lies behind the offset.</summary>
    private static ValueTask<BlockNode> OpenWindowAsync(
        ProgramContext context, NbdCommandLine line, BlockNode node, OpenFlags flags)
    {
        var options = new OptionSet
        {
            ["driver"] = "raw",
            ["file"] = node.NodeName,
            ["offset"] = line.OffsetBytes.ToString(CultureInfo.InvariantCulture),
        };
        return context.Images.OpenAsync(null, options, flags);
    }
}
