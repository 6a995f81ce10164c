using Byre.Block.Errors;
using Byre.Block.Graph;
using Byre.Block.Jobs;
using Byre.Cli.Shared;

namespace Byre.Cli.QemuImg;

/// <summary><c>compare</c>: tells whether two images have the same content. Exit status 0 same, 1 different, from 2
/// on errors.</summary>
internal sealed class CompareCommand : Verb
{
    private const int ProgressOption = 258;

    private const int ExitDifferent = 1;
    private const int ExitCannotOpen = 2;
    private const int ExitStatusError = 3;
    private const int ExitReadError = 4;

    /// <summary>Percent points between two lines of progress.</summary>
    private const float ProgressStep = 2.0f;

    private static readonly LongOption[] LongOptions =
    [
        new("help", 'h'),
        .. ImageArguments.LongOptions,
        new("progress", ProgressOption, TakesArgument: true),
    ];

    private string? _secondFormat;
    private string _cache = "writeback";
    private bool _quiet;
    private bool _strict;
    private ProgressMode _progressMode;

    public override string Name => "compare";

    public override async ValueTask<int> RunAsync(string[] arguments, ProgramContext context)
    {
        var images = new ImageArguments(context);
        var options = context.ParseOptions(arguments, "hf:F:T:pqsU", LongOptions);
        for (int code; (code = options.NextOrThrow()) != GnuOptions.End;)
        {
            if (code == 'h')
                return HelpText.Print(context);
            if (code != ImageArguments.ObjectOption)
                Take(code, options.Argument, images);
            else if (!TryDefineObject(images, options.Argument, context))
                return ExitCannotOpen;
        }

        if (options.Operands.Length != 2)
            throw new UsageException("Expecting two image file names");
        string[] names = options.Operands.ToArray();
        using var progress = new ProgressPrinter(
            context, _quiet ? ProgressMode.Silent : _progressMode, ProgressStep, "compare");
        try
        {
            return await CompareAsync(images, names, context, progress).ConfigureAwait(false);
        }
        finally
        {
            progress.End();
        }
    }

    private void Take(int code, string argument, ImageArguments images)
    {
        switch (code)
        {
            case 'F':
                _secondFormat = argument;
                break;
            case 'T':
                _cache = argument;
                break;
            case 'p':
                _progressMode = ProgressMode.Line;
                break;
            case ProgressOption:
                _progressMode = ProgressPrinter.ParseMode(argument);
                break;
            case 'q':
                _quiet = true;
                break;
            case 's':
                _strict = true;
                break;
            default:
                images.Take(code, argument);
                break;
        }
    }

    private static bool TryDefineObject(ImageArguments images, string definition, ProgramContext context)
    {
        try
        {
            images.DefineObject(definition);
            return true;
        }
        catch (BlockException failure)
        {
            context.Report(failure);
            return false;
        }
    }

    private async ValueTask<int> CompareAsync(
        ImageArguments images, string[] names, ProgramContext context, ProgressPrinter progress)
    {
        var open = new OpenImages(context);
        await using (open.ConfigureAwait(false))
        {
            BlockNode first;
            BlockNode second;
            try
            {
                if (!CacheMode.TryParse(_cache, out CacheMode cache))
                    throw BlockException.Invalid($"Invalid source cache option: {_cache}");
                OpenFlags flags = cache.Flags;
                BlockBackend firstImage = await images.OpenAsync(names[0], flags).ConfigureAwait(false);
                open.Add(firstImage);
                BlockBackend secondImage = await images.OpenAsync(names[1], _secondFormat, flags).ConfigureAwait(false);
                open.Add(secondImage);
                (first, second) = (firstImage.Root, secondImage.Root);
            }
            catch (BlockException failure)
            {
                context.Report(failure);
                return ExitCannotOpen;
            }

            progress.Print(0f);
            if (_strict && first.LengthBytes != second.LengthBytes)
            {
                Say(context, "Strict mode: Image size mismatch!");
                return ExitDifferent;
            }

            var job = new CompareJob(first, second, new CompareOptions
            {
                Strict = _strict,
                Progress = state => progress.Report(state.BytesDone, state.BytesTotal),
                LengthsDiffer = () => Say(context, "Warning: Image size mismatch!"),
            });
            return Conclude(await job.RunAsync().ConfigureAwait(false), names, context);
        }
    }

    private int Conclude(CompareFinding? finding, string[] names, ProgramContext context)
    {
        string offset = finding?.Offset.ToString(System.Globalization.CultureInfo.InvariantCulture) ?? "";
        switch (finding?.Kind)
        {
            case CompareFindingKind.Content:
                Say(context, $"Content mismatch at offset {offset}!");
                return ExitDifferent;
            case CompareFindingKind.Status:
                Say(context, $"Strict mode: Offset {offset} block status mismatch!");
                return ExitDifferent;
            case CompareFindingKind.StatusError:
                context.Report($"Sector allocation test failed for {names[finding.NodeIndex]}");
                return ExitStatusError;
            case CompareFindingKind.ReadError:
                string reason = Errno.Describe(finding.Errno);
                context.Report($"Error while reading offset {offset} of {names[finding.NodeIndex]}: {reason}");
                return ExitReadError;
            default:
                Say(context, "Images are identical.");
                return 0;
        }
    }

    private void Say(ProgramContext context, string text)
    {
        if (!_quiet)
            context.Out.WriteLine(text);
    }
}
