using Byre.Block.Errors;
using Byre.Block.Graph;

namespace Byre.Cli.Shared;

/// <summary>
/// What a verb needs of the process it runs in: the name that messages begin with, the two standard streams, and
/// access to images. One per run; not thread-safe.
/// </summary>
internal sealed class ProgramContext(string programName, StandardOutput output, StandardOutput errors)
{
    private ImageAccess? _images;
    private SecretTable? _secrets;
    private TlsTable? _tls;

    /// <summary>The front end's name, which begins every message: "qemu-img", "byre".</summary>
    public string ProgramName { get; } = programName;

    /// <summary>Standard output: block-buffered unless it is a terminal, flushed at exit.</summary>
    public StandardOutput Out { get; } = output;

    /// <summary>Standard error: written at once.</summary>
    public StandardOutput Errors { get; } = errors;

    /// <summary>Opens and creates images with every driver of the program.</summary>
    public ImageAccess Images => _images ??= new ImageAccess(this);

    /// <summary>What <c>--object secret,...</c> defined.</summary>
    public SecretTable Secrets => _secrets ??= new SecretTable();

    /// <summary>What <c>--object tls-creds-x509,...</c> and <c>authz-simple,...</c> defined.</summary>
    public TlsTable Tls => _tls ??= new TlsTable();

    /// <summary>
    /// <c>--safe</c>: images come from strangers. No file is opened only because an image names it, and what is written
    /// to is not probed for its format.
    /// </summary>
    public bool IsSafe { get; private set; }

    /// <summary>Begins to be safe; everything opened from now on.</summary>
    public void BeSafe()
    {
        IsSafe = true;
        _images?.ApplySafety();
    }

    /// <summary>What <c>--stats</c> asked for; null where it was not given.</summary>
    public StatisticsReport? Statistics { get; private set; }

    /// <summary>
    /// Takes an option that every command has: <c>--safe</c>, and under the name byre <c>--stats</c>. Others are left
    /// to the command.
    /// </summary>
    /// <exception cref="UsageException">An argument that the option does not know.</exception>
    public bool TakeCommonOption(string element)
    {
        if (element == "--safe")
        {
            BeSafe();
            return true;
        }

        bool isStatistics = element == "--stats" || element.StartsWith("--stats=", StringComparison.Ordinal);
        if (ProgramName != "byre" || !isStatistics)
            return false;
        Statistics = new StatisticsReport(element switch
        {
            "--stats" or "--stats=human" => false,
            "--stats=json" => true,
            _ => throw new UsageException("--stats must be used with human or json as argument."),
        });
        NodeFigureOutput.Sink = Statistics.Add;
        return true;
    }

    /// <summary>
    /// A walk over a command's arguments, its name first, that also knows what every command does. The rest is as
    /// <see cref="GnuOptions"/> says.
    /// </summary>
    public GnuOptions ParseOptions(ReadOnlySpan<string> arguments, string shortOptions, LongOption[] longOptions) =>
        new(arguments, shortOptions, longOptions) { TakeCommon = TakeCommonOption };

    /// <summary>Prints "qemu-img: TEXT" to standard error.</summary>
    public void Report(string text) => Errors.Write(ProgramName + ": " + text + "\n");

    /// <summary>
    /// Prints "qemu-img: TEXT" and the hint lines of a failure, with <paramref name="prefix"/> before its message.
    /// </summary>
    public void Report(BlockException failure, string prefix = "")
    {
        Report(prefix + failure.Message);
        if (failure.Hint is { } hint)
            Errors.Write(hint);
        // A close that fails loses both caches, and says so of each.
        if (failure.InnerException is BlockException inner &&
            failure.Message.StartsWith("Failed to flush the L2", StringComparison.Ordinal))
            Report(inner.Message);
    }

    /// <summary>Prints "qemu-img: warning: TEXT" to standard error.</summary>
    public void Warn(string text) => Report("warning: " + text);

    /// <summary>Prints a wrong command line's complaint and where to read more; returns the exit status.</summary>
    public int ReportUsage(UsageException wrong)
    {
        Report(wrong.Message);
        Errors.Write($"Try '{ProgramName} --help' for more information\n");
        return 1;
    }
}
