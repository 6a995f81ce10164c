using Byre.Block.Errors;
using Byre.Block.Graph;
using Byre.Cli.Shared;

namespace Byre.Cli.QemuImg;

/// <summary>The image that <c>convert</c> writes: created unless it exists already, and opened.</summary>
/// <param name="Backend">The open image.</param>
/// <param name="HasBacking">A backing file was given for it on the command line.</param>
internal sealed record ConvertTarget(BlockBackend Backend, bool HasBacking)
{
    /// <summary>Creates and opens the target.</summary>
    /// <param name="parsed">The command line.</param>
    /// <param name="context">The process.</param>
    /// <param name="sizeBytes">The size of the sources together.</param>
    /// <exception cref="BlockException">With the full text.</exception>
    public static async ValueTask<ConvertTarget> OpenAsync(
        ConvertArguments parsed, ProgramContext context, long sizeBytes)
    {
        BlockDriver? format = null;
        CreationOptions? options = null;
        if (!parsed.SkipCreation)
        {
            (format, BlockDriver protocol) = ImageCreation.FindDrivers(context, parsed.Target, parsed.TargetFormat!);
            options = ReadOptions(parsed, format, protocol, sizeBytes);
        }

        string? backing = options?.Get("backing_file") ?? parsed.BackingFile;
        CheckBacking(parsed, options, backing);
        if (parsed.Job.Compressed)
            CheckCompression(format, options);
        if (parsed.Bitmaps)
            throw BitmapsComplaint(parsed);
        if (options is not null)
            await CreateAsync(parsed, context, format!, options).ConfigureAwait(false);

        BlockBackend backend = await OpenAsync(parsed, context, options).ConfigureAwait(false);
        if (parsed.Job.Compressed && !backend.Root.CanWriteCompressed)
        {
            await backend.DisposeAsync().ConfigureAwait(false);
            throw NoCompression();
        }

        return new ConvertTarget(backend, backing is not null);
    }

    private static CreationOptions ReadOptions(
        ConvertArguments parsed, BlockDriver format, BlockDriver protocol, long sizeBytes)
    {
        var options = new CreationOptions(format, protocol);
        if (parsed.CreationOptions.Text is { } text)
            options.Parse(text);
        options.Set("size", sizeBytes);
        if (parsed.BackingFile is not null)
        {
            if (!options.Knows("backing_file"))
                throw NotKnown("Backing file", parsed);
            options.Set("backing_file", parsed.BackingFile);
        }

        if (parsed.BackingFormat is not null)
        {
            if (!options.Knows("backing_fmt"))
                throw NotKnown("Backing file format", parsed);
            options.Set("backing_fmt", parsed.BackingFormat);
        }

        return options;
    }

    private static BlockException NotKnown(string what, ConvertArguments parsed) =>
        BlockException.NotSupported($"{what} not supported for file format '{parsed.TargetFormat}'");

    private static void CheckBacking(ConvertArguments parsed, CreationOptions? options, string? backing)
    {
        if (backing is null)
            return;
        if (parsed.Job.TargetIsZero)
            throw BlockException.Invalid("Cannot use --target-is-zero when the destination image has a backing file");
        if (parsed.Sources.Length > 1)
        {
            throw BlockException.Invalid(
                "Having a backing file for the target makes no sense when concatenating multiple input images");
        }

        if (options is not null && options.Get("backing_fmt") is null)
            throw BlockException.Invalid("Use of backing file requires explicit backing format");
    }

    private static void CheckCompression(BlockDriver? format, CreationOptions? options)
    {
        if (format is { SupportsCompression: false })
            throw NoCompression();
        if (options?.Get("encryption") == "on" || options?.Get("encrypt.format") is not null)
            throw BlockException.Invalid("Compression and encryption not supported at the same time");
        if ((options?.Get("preallocation") ?? "off") != "off")
            throw BlockException.Invalid("Compression and preallocation not supported at the same time");
    }

    private static BlockException NoCompression() =>
        BlockException.NotSupported("Compression not supported for this file format");

    private static BlockException BitmapsComplaint(ConvertArguments parsed) => parsed.Sources.Length > 1
        ? BlockException.Invalid("Copying bitmaps only possible with single source")
        : BlockException.NotSupported("Copying bitmaps is not supported yet");

    private static async ValueTask CreateAsync(
        ConvertArguments parsed, ProgramContext context, BlockDriver format, CreationOptions options)
    {
        try
        {
            await context.Images.CreateAsync(format, parsed.Target, options.Values).ConfigureAwait(false);
        }
        catch (BlockException failure)
        {
            throw failure.Prepend($"{parsed.Target}: error while converting {parsed.TargetFormat}: ");
        }
    }

    private static ValueTask<BlockBackend> OpenAsync(
        ConvertArguments parsed, ProgramContext context, CreationOptions? created)
    {
        if (!CacheMode.TryParse(parsed.TargetCache, out CacheMode cache))
            throw BlockException.Invalid($"Invalid cache option: {parsed.TargetCache}");
        OpenFlags flags = OpenFlags.ReadWrite | cache.Flags;
        if (parsed.Job.SparseBytes > 0)
            flags |= OpenFlags.Unmap;

        // Past the page cache the file's size may have to be rounded up to the device's sector.
        if ((flags & OpenFlags.CacheDirect) != 0)
            flags |= OpenFlags.Resize;
        var arguments = new ImageArguments(context)
        {
            Format = parsed.TargetFormat,
            ImageOptions = parsed.TargetImageOptions,
            ExtraOptions = created is null ? null : KeySecrets(created.Values),
        };
        return arguments.OpenAsync(parsed.Target, flags, cache.WriteThrough);
    }

    /// <summary>What the new image is encrypted with is needed to open it.</summary>
    private static OptionSet KeySecrets(OptionSet creationOptions)
    {
        var secrets = new OptionSet();
        foreach (string key in creationOptions.Keys)
        {
            if (key.EndsWith("key-secret", StringComparison.Ordinal))
                secrets[key] = creationOptions[key];
        }

        return secrets;
    }
}
