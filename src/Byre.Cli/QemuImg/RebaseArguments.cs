using Byre.Cli.Shared;

namespace Byre.Cli.QemuImg;

/// <summary>The command line of <c>rebase</c>. Filled by <see cref="TryParse"/>; not thread-safe.</summary>
internal sealed class RebaseArguments
{
    private const int ProgressOption = 258;

    private static readonly LongOption[] LongOptions =
    [
        new("help", 'h'),
        .. ImageArguments.LongOptions,
        new("compress", 'c'),
        new("progress", ProgressOption, TakesArgument: true),
    ];

    private RebaseArguments(ProgramContext context) => Images = new ImageArguments(context);

    /// <summary>How the overlay is opened.</summary>
    public ImageArguments Images { get; }

    /// <summary>The overlay.</summary>
    public string Overlay { get; private set; } = "";

    /// <summary><c>-b</c>: the new backing file; empty for none, null where it was not given.</summary>
    public string? Backing { get; private set; }

    /// <summary><c>-F</c>.</summary>
    public string? BackingFormat { get; private set; }

    /// <summary><c>-u</c>: only the name in the image changes.</summary>
    public bool IsUnsafe { get; private set; }

    /// <summary><c>-U</c>: for the new backing file; the overlay is written to.</summary>
    public bool ForceShare { get; private set; }

    public bool Compressed { get; private set; }

    public string Cache { get; private set; } = "writeback";

    public string SourceCache { get; private set; } = "writeback";

    public ProgressMode Progress { get; private set; }

    /// <summary>Reads the command line; null where help was asked for and printed.</summary>
    public static RebaseArguments? TryParse(string[] arguments, ProgramContext context)
    {
        var parsed = new RebaseArguments(context);
        bool quiet = false;
        var options = context.ParseOptions(arguments, "hf:F:b:upt:T:qUc", LongOptions);
        for (int code; (code = options.NextOrThrow()) != GnuOptions.End;)
        {
            if (code == 'h')
            {
                HelpText.Print(context);
                return null;
            }

            quiet |= code == 'q';
            parsed.Take(code, options.Argument);
        }

        if (quiet)
            parsed.Progress = ProgressMode.Silent;
        if (options.Operands.Length != 1)
            throw new UsageException("Expecting one image file name");
        if (!parsed.IsUnsafe && parsed.Backing is null)
            throw new UsageException("Must specify backing file (-b) or use unsafe mode (-u)");
        parsed.Overlay = options.Operands[0];
        return parsed;
    }

    private void Take(int code, string argument)
    {
        switch (code)
        {
            case 'F':
                BackingFormat = argument;
                break;
            case 'b':
                Backing = argument;
                break;
            case 'u':
                IsUnsafe = true;
                break;
            case 'p':
                Progress = ProgressMode.Line;
                break;
            case ProgressOption:
                Progress = ProgressPrinter.ParseMode(argument);
                break;
            case 't':
                Cache = argument;
                break;
            case 'T':
                SourceCache = argument;
                break;
            case 'U':
                ForceShare = true;
                break;
            case 'c':
                Compressed = true;
                break;
            default:
                Images.Take(code, argument);
                break;
        }
    }
}
