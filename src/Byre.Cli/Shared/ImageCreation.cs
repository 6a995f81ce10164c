using System.Globalization;
using Byre.Block.Errors;
using Byre.Block.Graph;

namespace Byre.Cli.Shared;

/// <summary>
/// Creates an image the way <c>create</c> does: finds the size in the backing file, insists on the backing file's
/// format, says what it is about to do, does it. One use each; not thread-safe.
/// </summary>
internal sealed class ImageCreation(ProgramContext context)
{
    /// <summary>The file to create.</summary>
    public required string FileName { get; init; }

    /// <summary>The format's name.</summary>
    public required string Format { get; init; }

    /// <summary>The backing file; null for none.</summary>
    public string? BackingFile { get; init; }

    /// <summary>The backing file's format; null for none.</summary>
    public string? BackingFormat { get; init; }

    /// <summary>The lists of all <c>-o</c>, joined by commas; null for none.</summary>
    public string? Options { get; init; }

    /// <summary>Bytes, or -1 for the backing file's size.</summary>
    public long SizeBytes { get; init; } = -1;

    /// <summary>Do not open the backing file.</summary>
    public bool SkipBacking { get; init; }

    /// <summary>Do not print the "Formatting" line.</summary>
    public bool Quiet { get; init; }

    /// <summary>Creates the image.</summary>
    /// <exception cref="BlockException">With the text that follows the file's name and a colon.</exception>
    public async ValueTask RunAsync()
    {
        (BlockDriver format, BlockDriver protocol) = FindDrivers(context, FileName, Format);
        var options = new CreationOptions(format, protocol);
        if (Options is not null)
            options.Parse(Options);
        if (options.Values.Contains("size") && SizeBytes >= 0)
            throw BlockException.Invalid("The image size must be specified only once");
        if (SizeBytes >= 0)
            options.Set("size", SizeBytes);
        SetBackingFile(options);
        await FindSizeAsync(options).ConfigureAwait(false);

        if (!Quiet)
        {
            context.Out.WriteLine($"Formatting '{FileName}', fmt={Format} {options.Describe()}");
            context.Out.Flush();
        }

        await CreateAsync(context, format, FileName, options).ConfigureAwait(false);
    }

    /// <summary>The driver of a format that can create images, and that of the file below.</summary>
    /// <exception cref="BlockException">Unknown, or it cannot create images.</exception>
    public static (BlockDriver Format, BlockDriver Protocol) FindDrivers(
        ProgramContext context, string fileName, string formatName)
    {
        BlockDriver format = context.Images.FindFormat(formatName);
        BlockDriver protocol = context.Images.FindProtocol(fileName);
        if (format.CreateOptions.Count == 0)
            throw BlockException.NotSupported($"Format driver '{format.Name}' does not support image creation");
        if (protocol.CreateOptions.Count == 0)
            throw BlockException.NotSupported($"Protocol driver '{protocol.Name}' does not support image creation");
        return (format, protocol);
    }

    /// <summary>Creates an image with options that are complete.</summary>
    /// <exception cref="BlockException">The driver's failure; EFBIG gets a text that says what to do.</exception>
    public static async ValueTask CreateAsync(
        ProgramContext context, BlockDriver format, string fileName, CreationOptions options)
    {
        try
        {
            await context.Images.CreateAsync(format, fileName, options.Values).ConfigureAwait(false);
        }
        catch (BlockException failure) when (failure.Errno == Errno.FileTooLarge)
        {
            string hint = options.Get("cluster_size") is not null ? " (try using a larger cluster size)" : "";
            throw new BlockException(
                failure.Kind,
                failure.Errno,
                $"The image size is too large for file format '{format.Name}'{hint}",
                failure);
        }
    }

    private void SetBackingFile(CreationOptions options)
    {
        if (BackingFile is not null)
        {
            if (!options.Knows("backing_file"))
                throw BlockException.NotSupported($"Backing file not supported for file format '{Format}'");
            options.Set("backing_file", BackingFile);
        }

        if (BackingFormat is not null)
        {
            if (!options.Knows("backing_fmt"))
                throw BlockException.NotSupported($"Backing file format not supported for file format '{Format}'");
            options.Set("backing_fmt", BackingFormat);
        }

        if (options.Get("backing_file") is not { } backing)
            return;
        if (backing == FileName)
            throw BlockException.Invalid("Error: Trying to create an image with the same filename as the backing file");
        if (backing.Length == 0)
            throw BlockException.Invalid("Expected backing file name, got empty string");
    }

    private async ValueTask FindSizeAsync(CreationOptions options)
    {
        string? backing = options.Get("backing_file");
        string? backingFormat = options.Get("backing_fmt");
        if (backing is not null && !SkipBacking)
        {
            long length = await ProbeBackingAsync(backing, backingFormat).ConfigureAwait(false);
            if (options.Get("size") is null)
                options.Set("size", length);
        }
        else if (backing is not null && backingFormat is null)
        {
            throw BlockException.Invalid("Backing file specified without backing format");
        }

        if (options.Get("size") is null)
            throw BlockException.Invalid("Image creation needs a size parameter");
    }

    private async ValueTask<long> ProbeBackingAsync(string backing, string? backingFormat)
    {
        string fullName = FileNames.ResolveFromFileName(FileName, backing) ?? backing;
        var options = new OptionSet { ["force-share"] = "on" };
        if (backingFormat is not null)
            options["driver"] = backingFormat;
        BlockNode node;
        try
        {
            node = await context.Images.OpenAsync(fullName, options, OpenFlags.NoDataIo).ConfigureAwait(false);
        }
        catch (BlockException failure)
        {
            throw new BlockException(failure.Kind, failure.Errno, failure.Message, failure)
            {
                Hint = failure.Hint + "Could not open backing image.\n",
            };
        }

        await using (node.ConfigureAwait(false))
        {
            if (backingFormat is not null)
                return node.LengthBytes;
            throw new BlockException(
                BlockErrorKind.InvalidArgument, Errno.Invalid, "Backing file specified without backing format")
            {
                Hint = $"Detected format of {node.Driver.Name}.\n",
            };
        }
    }
}
