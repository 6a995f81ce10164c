using Byre.Block.Errors;
using Byre.Block.Graph;
using Byre.Block.Requests;
using Byre.Cli.Shared;

namespace Byre.Cli.QemuImg;

/// <summary><c>resize</c>: changes an image's virtual size.</summary>
internal sealed class ResizeCommand : Verb
{
    private const int PreallocationOption = 258;
    private const int ShrinkOption = 259;
    private const int ProgressOption = 260;

    private static readonly LongOption[] LongOptions =
    [
        new("help", 'h'),
        .. ImageArguments.NamingOptions,
        new("preallocation", PreallocationOption, TakesArgument: true),
        new("shrink", ShrinkOption),
        new("progress", ProgressOption, TakesArgument: true),
    ];

    public override string Name => "resize";

    public override async ValueTask<int> RunAsync(string[] arguments, ProgramContext context)
    {
        // The size is the last word whatever it looks like: "-1G" is no option.
        if (arguments.Length < 3)
            throw new UsageException("Not enough arguments");
        string size = arguments[^1];
        bool quiet = false;
        bool shrink = false;
        var progressMode = ProgressMode.Silent;
        var preallocation = PreallocationMode.Off;
        var images = new ImageArguments(context);
        var options = context.ParseOptions(arguments.AsSpan(..^1), "f:hq", LongOptions);
        for (int code; (code = options.NextOrThrow()) != GnuOptions.End;)
        {
            switch (code)
            {
                case 'h':
                    return HelpText.Print(context);
                case 'q':
                    quiet = true;
                    break;
                case PreallocationOption:
                    preallocation = ParsePreallocation(options.Argument);
                    break;
                case ShrinkOption:
                    shrink = true;
                    break;
                case ProgressOption:
                    progressMode = ProgressPrinter.ParseMode(options.Argument);
                    break;
                default:
                    images.Take(code, options.Argument);
                    break;
            }
        }

        if (options.Operands.Length != 1)
            throw new UsageException("Expecting image file name and size");
        string name = options.Operands[0];
        (int relative, long bytes) = ParseSize(size);

        await using var open = new OpenImages(context);
        BlockBackend image = await images.OpenAsync(name, OpenFlags.ReadWrite | OpenFlags.Resize).ConfigureAwait(false);
        open.Add(image);
        long current = image.LengthBytes;
        long target = relative == 0 ? bytes : unchecked(current + (bytes * relative));
        Check(current, target, preallocation, shrink, context);
        await ResizeAsync(image.Root, target, preallocation, progressMode, context).ConfigureAwait(false);
        if (!quiet)
            context.Out.WriteLine("Image resized.");
        await open.CloseAsync().ConfigureAwait(false);
        return 0;
    }

    private static async ValueTask ResizeAsync(
        BlockNode image, long target, PreallocationMode preallocation, ProgressMode mode, ProgramContext context)
    {
        long total = Math.Abs(target - image.LengthBytes);
        using var progress = new ProgressPrinter(context, mode, 1f, "resize");
        progress.Report(0, total);
        var request = new TruncateRequest(target)
        {
            Preallocation = preallocation,
            Progress = done => progress.Report(Math.Min(done, total), total),
        };
        await image.TruncateAsync(request).ConfigureAwait(false);
        progress.Report(total, total);
        progress.End();
    }

    private static PreallocationMode ParsePreallocation(string text) => text switch
    {
        "off" => PreallocationMode.Off,
        "metadata" => PreallocationMode.Metadata,
        "falloc" => PreallocationMode.Falloc,
        "full" => PreallocationMode.Full,
        _ => throw BlockException.Invalid($"Invalid preallocation mode '{text}'"),
    };

    /// <summary>The sign of a relative size (0 where it is absolute) and the number of bytes.</summary>
    private static (int Relative, long Bytes) ParseSize(string text) => text[..Math.Min(1, text.Length)] switch
    {
        "+" => (1, SizeText.Parse("size", text[1..])),
        "-" => (-1, SizeText.Parse("size", text[1..])),
        _ => (0, SizeText.Parse("size", text)),
    };

    private static void Check(
        long current, long target, PreallocationMode preallocation, bool shrink, ProgramContext context)
    {
        if (target <= 0)
            throw BlockException.Invalid("New image size must be positive");
        if (target <= current && preallocation != PreallocationMode.Off)
            throw BlockException.Invalid("Preallocation can only be used for growing images");
        if (target >= current || shrink)
            return;
        const string Warning = "warning: Shrinking an image will delete all data beyond the shrunken image's end. "
            + "Before performing such an operation, make sure there is no important data there.";
        throw new BlockException(
            BlockErrorKind.InvalidArgument, Errno.Invalid, "Use the --shrink option to perform a shrink operation.")
        {
            Hint = $"{context.ProgramName}: {Warning}\n",
        };
    }
}
