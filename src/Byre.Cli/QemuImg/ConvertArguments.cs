using System.Globalization;
using Byre.Block.Errors;
using Byre.Block.Graph;
using Byre.Block.Jobs;
using Byre.Cli.Shared;

namespace Byre.Cli.QemuImg;

/// <summary>The command line of <c>convert</c>. Filled by <see cref="TryParse"/>; not thread-safe.</summary>
internal sealed class ConvertArguments
{
    private const int TargetImageOptionsOption = 258;
    private const int SalvageOption = 259;
    private const int TargetIsZeroOption = 260;
    private const int BitmapsOption = 261;
    private const int SkipBrokenBitmapsOption = 262;
    private const int ProgressOption = 263;
    private const int SectorBytes = 512;

    private static readonly LongOption[] LongOptions =
    [
        new("help", 'h'),
        .. ImageArguments.LongOptions,
        new("target-image-opts", TargetImageOptionsOption),
        new("salvage", SalvageOption),
        new("target-is-zero", TargetIsZeroOption),
        new("bitmaps", BitmapsOption),
        new("skip-broken-bitmaps", SkipBrokenBitmapsOption),
        new("progress", ProgressOption, TakesArgument: true),
    ];

    private readonly ProgramContext _context;
    private bool _isSparseExplicit;
    private bool _skipBrokenBitmaps;

    private ConvertArguments(ProgramContext context)
    {
        _context = context;
        Images = new ImageArguments(context);
    }

    /// <summary>How the sources are opened.</summary>
    public ImageArguments Images { get; }

    public string[] Sources { get; private set; } = [];

    public string Target { get; private set; } = "";

    /// <summary><c>-O</c>; null only with <c>--target-image-opts</c>.</summary>
    public string? TargetFormat { get; private set; }

    public bool TargetImageOptions { get; private set; }

    /// <summary><c>-n</c>: the target exists.</summary>
    public bool SkipCreation { get; private set; }

    public string? BackingFile { get; private set; }

    public string? BackingFormat { get; private set; }

    public OptionAccumulator CreationOptions { get; } = new();

    /// <summary><c>-l</c>; null for the disk itself.</summary>
    public SnapshotArgument? Snapshot { get; private set; }

    public string SourceCache { get; private set; } = "writeback";

    public string TargetCache { get; private set; } = "unsafe";

    public bool Bitmaps { get; private set; }

    public bool Quiet { get; private set; }

    /// <summary><c>-C</c>: accepted; data goes through the pipeline all the same.</summary>
    public bool CopyRange { get; private set; }

    public ProgressMode Progress { get; private set; }

    /// <summary>What the job is told, as far as the command line says it.</summary>
    public ConvertOptions Job { get; private set; } = new();

    /// <summary>Reads the command line; null where help was asked for and printed.</summary>
    /// <exception cref="BlockException">An argument is wrong.</exception>
    public static ConvertArguments? TryParse(string[] arguments, ProgramContext context)
    {
        var parsed = new ConvertArguments(context);
        var options = context.ParseOptions(arguments, "hf:O:B:CcF:o:l:S:pt:T:qnm:WUr:", LongOptions);
        for (int code; (code = options.NextOrThrow()) != GnuOptions.End;)
        {
            if (code == 'h')
            {
                HelpText.Print(context);
                return null;
            }

            parsed.Take(code, options.Argument);
        }

        if (parsed.TargetFormat is null && !parsed.TargetImageOptions)
            parsed.TargetFormat = "raw";
        if (parsed.Quiet)
            parsed.Progress = ProgressMode.Silent;
        parsed.CheckCombination();
        if (options.Operands.Length > 1)
        {
            parsed.Target = options.Operands[^1];
            parsed.Sources = options.Operands[..^1].ToArray();
        }

        return parsed;
    }

    private void Take(int code, string argument)
    {
        Images.Take(code, argument);
        switch (code)
        {
            case 'O':
                TargetFormat = argument;
                break;
            case 'B':
                BackingFile = argument;
                break;
            case 'F':
                BackingFormat = argument;
                break;
            case 'o':
                CreationOptions.Add(argument);
                break;
            case 'l':
                Snapshot = SnapshotArgument.Parse(
                    argument, $"{_context.ProgramName}: Failed in parsing snapshot param '{argument}'");
                break;
            case 't':
                TargetCache = argument;
                break;
            case 'T':
                SourceCache = argument;
                break;
            case 'q':
                Quiet = true;
                break;
            case 'n':
                SkipCreation = true;
                break;
            case 'p':
                Progress = ProgressMode.Line;
                break;
            case ProgressOption:
                Progress = ProgressPrinter.ParseMode(argument);
                break;
            case TargetImageOptionsOption:
                TargetImageOptions = true;
                break;
            case BitmapsOption:
                Bitmaps = true;
                break;
            case SkipBrokenBitmapsOption:
                _skipBrokenBitmaps = true;
                break;
            default:
                TakeJobOption(code, argument);
                break;
        }
    }

    private void TakeJobOption(int code, string argument)
    {
        switch (code)
        {
            case 'C':
                CopyRange = true;
                break;
            case 'c':
                Job = Job with { Compressed = true };
                break;
            case 'S':
                Job = Job with { SparseBytes = ParseSparse(argument) };
                _isSparseExplicit = true;
                break;
            case 'm':
                Job = Job with { Workers = ParseWorkers(argument) };
                break;
            case 'W':
                Job = Job with { OutOfOrder = true };
                break;
            case 'r':
                Job = Job with { RateLimitBytes = NumberArguments.ParseSize(_context, "rate limit", argument) };
                break;
            case SalvageOption:
                Job = Job with { Salvage = true };
                break;
            case TargetIsZeroOption:
                Job = Job with { TargetIsZero = true };
                break;
        }
    }

    private int ParseSparse(string argument)
    {
        long size = NumberArguments.ParseSize(_context, "buffer size for sparse output", argument);
        if (size % SectorBytes != 0 || size > ConvertOptions.MaxSparseBytes)
        {
            throw BlockException.Invalid(
                $"Invalid buffer size for sparse output specified. Valid sizes are multiples of {SectorBytes} up to "
                + $"{ConvertOptions.MaxSparseBytes}. Select 0 to disable sparse detection (fully allocates output).");
        }

        return (int)size;
    }

    private static int ParseWorkers(string argument)
    {
        bool ok = int.TryParse(argument, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int count);
        if (!ok || count is < 1 or > ConvertOptions.MaxWorkers)
        {
            throw BlockException.Invalid(
                "Invalid number of coroutines. "
                + $"Allowed number of coroutines is between 1 and {ConvertOptions.MaxWorkers}");
        }

        return count;
    }

    private void CheckCombination()
    {
        string? complaint = this switch
        {
            { _skipBrokenBitmaps: true, Bitmaps: false } => "Use of --skip-broken-bitmaps requires --bitmaps",
            { CopyRange: true, Job.Compressed: true } => "Cannot enable copy offloading when -c is used",
            { CopyRange: true, _isSparseExplicit: true } => "Cannot enable copy offloading when -S is used",
            { CopyRange: true, Job.Salvage: true } => "Cannot use copy offloading in salvaging mode",
            { TargetImageOptions: true, SkipCreation: false } => "--target-image-opts requires use of -n flag",
            { SkipCreation: true, CreationOptions.Text: not null } => "-o has no effect when skipping image creation",
            { Job.TargetIsZero: true, SkipCreation: false } => "--target-is-zero requires use of -n flag",
            _ => null,
        };
        if (complaint is not null)
            throw BlockException.Invalid(complaint);
    }
}
