using Byre.Block.Errors;
using Byre.Block.Graph;
using Byre.Cli.Shared;

namespace Byre.Cli.QemuImg;

/// <summary><c>measure</c>: tells how large the file of a new image would be, or of a copy.</summary>
internal sealed class MeasureCommand : Verb
{
    private const int OutputOption = 256;
    private const int SizeOption = 259;

    private static readonly LongOption[] LongOptions =
    [
        new("help", 'h'),
        new("target-format", 'O', TakesArgument: true),
        new("format", 'f', TakesArgument: true),
        new("output", OutputOption, TakesArgument: true),
        .. ImageArguments.LongOptions,
        new("size", SizeOption, TakesArgument: true),
    ];

    public override string Name => "measure";

    public override async ValueTask<int> RunAsync(string[] arguments, ProgramContext context)
    {
        string targetFormat = "raw";
        OutputFormat output = OutputFormat.Human;
        SnapshotArgument? snapshot = null;
        long? size = null;
        var images = new ImageArguments(context);
        var creationOptions = new OptionAccumulator();
        var options = context.ParseOptions(arguments, "hf:l:o:O:U", LongOptions);
        for (int code; (code = options.NextOrThrow()) != GnuOptions.End;)
        {
            switch (code)
            {
                case 'h':
                    return HelpText.Print(context);
                case 'l':
                    snapshot = SnapshotArgument.Parse(
                        options.Argument,
                        $"{context.ProgramName}: Failed in parsing snapshot param '{options.Argument}'");
                    break;
                case 'o':
                    creationOptions.Add(options.Argument);
                    break;
                case 'O':
                    targetFormat = options.Argument;
                    break;
                case OutputOption:
                    output = OutputFormats.Parse(options.Argument);
                    break;
                case SizeOption:
                    size = NumberArguments.ParseSize(context, "image size", options.Argument);
                    break;
                default:
                    images.Take(code, options.Argument);
                    break;
            }
        }

        string? operand = CheckOperand(options.Operands, images, snapshot, size);
        CreationOptions creation = ParseCreation(context, targetFormat, creationOptions.Text, out BlockDriver target);
        ImageMeasure measure;
        if (operand is null)
        {
            creation.Set("size", size!.Value);
            measure = await target.MeasureAsync(new MeasureRequest { Options = creation.Values }).ConfigureAwait(false);
        }
        else
        {
            measure = await MeasureCopyAsync(images, operand, snapshot, target, creation).ConfigureAwait(false);
        }

        Print(context.Out, measure, output);
        return 0;
    }

    /// <summary>The name of the image to be copied; null where a size is given instead.</summary>
    private static string? CheckOperand(
        ReadOnlySpan<string> operands, ImageArguments images, SnapshotArgument? snapshot, long? size)
    {
        if (operands.Length > 1)
            throw BlockException.Invalid("At most one filename argument is allowed.");
        if (operands.Length == 0 && (images.ImageOptions || images.Format is not null || snapshot is not null))
            throw BlockException.Invalid("--image-opts, -f, and -l require a filename argument.");
        if (operands.Length == 0 && size is null)
            throw BlockException.Invalid("Either --size N or one filename must be specified.");
        if (operands.Length == 1 && size is not null)
            throw BlockException.Invalid("--size N cannot be used together with a filename.");
        return operands.Length == 1 ? operands[0] : null;
    }

    private static CreationOptions ParseCreation(
        ProgramContext context, string formatName, string? list, out BlockDriver format)
    {
        (format, BlockDriver protocol) = ImageCreation.FindDrivers(context, fileName: "", formatName);
        var creation = new CreationOptions(format, protocol);
        if (list is null)
            return creation;
        try
        {
            creation.Parse(list);
        }
        catch (BlockException failure)
        {
            context.Report(failure);
            throw BlockException.Invalid($"Invalid options for file format '{format.Name}'");
        }

        return creation;
    }

    private static async ValueTask<ImageMeasure> MeasureCopyAsync(
        ImageArguments images,
        string operand,
        SnapshotArgument? snapshot,
        BlockDriver target,
        CreationOptions creation)
    {
        BlockBackend backend = await images.OpenAsync(operand, OpenFlags.None).ConfigureAwait(false);
        await using (backend.ConfigureAwait(false))
        {
            if (snapshot is not null)
                await snapshot.LoadAsync(BackingChain.SkipFilters(backend.Root)).ConfigureAwait(false);
            return await target
                .MeasureAsync(new MeasureRequest { Options = creation.Values, Source = backend.Root })
                .ConfigureAwait(false);
        }
    }

    private static void Print(StandardOutput output, ImageMeasure measure, OutputFormat format)
    {
        if (format == OutputFormat.Json)
        {
            var answer = new InfoObject();
            if (measure.BitmapBytes is { } bytes)
                answer.Add("bitmaps", bytes);
            output.WriteLine(QemuJsonWriter.WritePretty(
                answer.Add("required", measure.RequiredBytes).Add("fully-allocated", measure.FullyAllocatedBytes)));
            return;
        }

        output.WriteLine($"required size: {measure.RequiredBytes}");
        output.WriteLine($"fully allocated size: {measure.FullyAllocatedBytes}");
        if (measure.BitmapBytes is { } bitmapBytes)
            output.WriteLine($"bitmaps size: {bitmapBytes}");
    }
}
