using Byre.Block.Errors;
using Byre.Block.Graph;

namespace Byre.Cli.Shared;

/// <summary>
/// The options by which every verb is told how to open an image: <c>-f</c>, <c>--image-opts</c>, <c>-U</c>,
/// <c>--object</c>.
/// Filled while the command line is read; not thread-safe.
/// </summary>
internal sealed class ImageArguments(ProgramContext context)
{
    /// <summary>The code of <c>--object</c>, apart from those of the verbs.</summary>
    public const int ObjectOption = 1000;

    private const int ImageOptionsOption = 1001;

    /// <summary><c>--object</c> and <c>--image-opts</c>.</summary>
    public static IReadOnlyList<LongOption> NamingOptions { get; } =
        [new("object", ObjectOption, TakesArgument: true), new("image-opts", ImageOptionsOption)];

    /// <summary>All of them that have a long name in every verb.</summary>
    public static IReadOnlyList<LongOption> LongOptions { get; } = [.. NamingOptions, new("force-share", 'U')];

    /// <summary><c>-f</c>: the format; null to probe.</summary>
    public string? Format { get; set; }

    /// <summary><c>--image-opts</c>: the operand is an option list instead of a file name.</summary>
    public bool ImageOptions { get; set; }

    /// <summary><c>-U</c>: tolerate another process that writes.</summary>
    public bool ForceShare { get; set; }

    /// <summary>Further options of the node; null for none.</summary>
    public OptionSet? ExtraOptions { get; init; }

    /// <summary>Takes an option of the command line that is one of these; others are the verb's own.</summary>
    /// <exception cref="BlockException">An object's definition is wrong.</exception>
    public void Take(int code, string argument)
    {
        switch (code)
        {
            case 'f':
                Format = argument;
                break;
            case 'U':
                ForceShare = true;
                break;
            case ObjectOption:
                DefineObject(argument);
                break;
            case ImageOptionsOption:
                ImageOptions = true;
                break;
        }
    }

    /// <summary>Defines the object of <c>--object</c>.</summary>
    /// <exception cref="BlockException">The definition is wrong.</exception>
    public void DefineObject(string definition) => ObjectDefinition.Define(definition, context);

    /// <summary>Opens the image that an operand names.</summary>
    /// <exception cref="BlockException">"Could not open 'X': ..." and other full texts.</exception>
    public ValueTask<BlockBackend> OpenAsync(string operand, OpenFlags flags, bool writeThrough = false) =>
        OpenAsync(operand, Format, flags, writeThrough);

    /// <summary>Opens the image that an operand names, with a format of its own (<c>compare -F</c>).</summary>
    /// <exception cref="BlockException">"Could not open 'X': ..." and other full texts.</exception>
    public async ValueTask<BlockBackend> OpenAsync(
        string operand, string? format, OpenFlags flags, bool writeThrough = false)
    {
        var options = new OptionSet();
        if (ImageOptions)
        {
            if (format is not null)
                throw BlockException.Invalid("--image-opts and --format are mutually exclusive");
            options = OptionText.Parse(operand, "file", context.Warn, keepId: true);
            if (ForceShare && options.Get("force-share") is { } share && share != "on")
                throw BlockException.Invalid("--force-share/-U conflicts with image options");
        }
        else if (format is not null)
        {
            options["driver"] = format;
        }

        if (ForceShare)
            options["force-share"] = "on";
        if (ExtraOptions is not null)
            options.Merge(ExtraOptions, overwrite: false);
        try
        {
            string? fileName = ImageOptions ? null : operand;
            BlockNode node = await context.Images.OpenAsync(fileName, options, flags).ConfigureAwait(false);
            return new BlockBackend(node, writeCache: !writeThrough);
        }
        catch (BlockException failure)
        {
            throw failure.Prepend($"Could not open '{operand}': ");
        }
    }
}
