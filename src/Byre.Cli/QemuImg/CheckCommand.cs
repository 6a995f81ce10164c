using System.Globalization;
using Byre.Block.Errors;
using Byre.Block.Graph;
using Byre.Cli.Shared;
using Byre.Qcow2.Check;

namespace Byre.Cli.QemuImg;

/// <summary>
/// <c>check</c>: looks for errors in an image and repairs them. Exit status: 0 clean, 1 the check failed, 2 corrupt,
/// 3 leaked clusters only, 63 the format has no check.
/// </summary>
internal sealed class CheckCommand : Verb
{
    private const int OutputOption = 256;
    private const int ProgressOption = 259;
    private const int UnsupportedStatus = 63;

    private static readonly LongOption[] LongOptions =
    [
        new("help", 'h'),
        new("format", 'f', TakesArgument: true),
        new("repair", 'r', TakesArgument: true),
        new("output", OutputOption, TakesArgument: true),
        .. ImageArguments.LongOptions,
        new("progress", ProgressOption, TakesArgument: true),
    ];

    public override string Name => "check";

    public override async ValueTask<int> RunAsync(string[] arguments, ProgramContext context)
    {
        var command = new CheckArguments(context);
        var options = context.ParseOptions(arguments, "hf:r:T:qU", LongOptions);
        for (int code; (code = options.NextOrThrow()) != GnuOptions.End;)
        {
            switch (code)
            {
                case 'h':
                    return HelpText.Print(context);
                case 'r':
                    command.Repair = ParseRepair(options.Argument);
                    break;
                case 'T':
                    command.CacheName = options.Argument;
                    break;
                case 'q':
                    command.Quiet = true;
                    break;
                case OutputOption:
                    command.OutputName = options.Argument;
                    break;
                case ProgressOption:
                    command.ReportsProgress = ProgressPrinter.ParseMode(options.Argument) == ProgressMode.Json;
                    break;
                default:
                    command.Images.Take(code, options.Argument);
                    break;
            }
        }

        if (options.Operands.Length != 1)
            throw new UsageException("Expecting one image file name");
        return await RunAsync(command, options.Operands[0], context).ConfigureAwait(false);
    }

    private static RepairMode ParseRepair(string text) => text switch
    {
        "leaks" => RepairMode.Leaks,
        "all" => RepairMode.All,
        _ => throw new UsageException($"Unknown option value for -r (expecting 'leaks' or 'all'): {text}"),
    };

    private static async ValueTask<int> RunAsync(CheckArguments command, string operand, ProgramContext context)
    {
        OutputFormat format = OutputFormats.Parse(command.OutputName);
        if (!CacheMode.TryParse(command.CacheName, out CacheMode cache))
            throw BlockException.Invalid($"Invalid source cache option: {command.CacheName}");
        OpenFlags flags = OpenFlags.Check | cache.Flags;
        if (command.Repair != RepairMode.None)
            flags |= OpenFlags.ReadWrite;
        // A check reads the image's own metadata: it can do without the backing file.
        if (context.IsSafe)
            flags |= OpenFlags.NoBacking;

        BlockBackend backend = await command.Images.OpenAsync(operand, flags, cache.WriteThrough).ConfigureAwait(false);
        await using (backend.ConfigureAwait(false))
        {
            if (FindCheckable(backend.Root) is not { } image)
            {
                context.Report("This image format does not support checks");
                return UnsupportedStatus;
            }

            CheckReport report = await RunTwiceAsync(command, image, format, context).ConfigureAwait(false);
            if (!command.Quiet)
            {
                if (format == OutputFormat.Json)
                    context.Out.WriteLine(
                        QemuJsonWriter.WritePretty(ToJson(report, operand, backend.Root.Driver.Name)));
                else
                    Print(context.Out, report);
            }

            if (report.CheckErrors != 0)
                context.Report("Check failed");
            return report.ExitStatus;
        }
    }

    /// <summary>
    /// Checks, and where something was repaired checks once more; the fixed counts of the first check are kept.
    /// </summary>
    private static async ValueTask<CheckReport> RunTwiceAsync(
        CheckArguments command, ICheckableImage image, OutputFormat format, ProgramContext context)
    {
        using CheckProgress? progress = command.ReportsProgress ? new CheckProgress(context) : null;
        var findings = new FindingPrinter(context);
        var options = new CheckOptions
        {
            Repair = command.Repair,
            OnFinding = findings.Print,
            Progress = progress,
        };
        try
        {
            CheckReport first = await image.CheckAsync(options).ConfigureAwait(false);
            findings.Flush();
            if (!first.NeedsSecondCheck)
                return first;
            if (format == OutputFormat.Human && !command.Quiet)
            {
                context.Out.Write(string.Create(
                    CultureInfo.InvariantCulture,
                    $"The following inconsistencies were found and repaired:\n\n" +
                    $"    {first.LeaksFixed} leaked clusters\n" +
                    $"    {first.CorruptionsFixed} corruptions\n\nDouble checking the fixed image now...\n"));
            }

            CheckReport second = await image.CheckAsync(options with { Repair = RepairMode.None })
                .ConfigureAwait(false);
            return second.WithFixesOf(first);
        }
        catch (BlockException failure)
        {
            throw BlockException.FromErrno("Check failed", failure.Errno);
        }
        finally
        {
            findings.Flush();
        }
    }

    /// <summary>The node itself, or the one that a filter shows; null where the format has no check.</summary>
    private static ICheckableImage? FindCheckable(BlockNode node)
    {
        while (node is not ICheckableImage && node.Driver.IsFilter && node.File is { } below)
            node = below;
        return node as ICheckableImage;
    }

    private static InfoObject ToJson(CheckReport report, string fileName, string format) => new InfoObject()
        .Add("filename", fileName)
        .Add("format", format)
        .Add("check-errors", report.CheckErrors)
        .Add("image-end-offset", Positive(report.ImageEndBytes))
        .Add("corruptions", Positive(report.Corruptions))
        .Add("leaks", Positive(report.Leaks))
        .Add("corruptions-fixed", Positive(report.CorruptionsFixed))
        .Add("leaks-fixed", Positive(report.LeaksFixed))
        .Add("total-clusters", Positive(report.TotalClusters))
        .Add("allocated-clusters", Positive(report.AllocatedClusters))
        .Add("fragmented-clusters", Positive(report.FragmentedClusters))
        .Add("compressed-clusters", Positive(report.CompressedClusters));

    /// <summary>Zero is left out of the JSON.</summary>
    private static long? Positive(long count) => count == 0 ? null : count;

    private static void Print(StandardOutput output, CheckReport report)
    {
        if (report.IsClean)
            output.WriteLine("No errors were found on the image.");
        PrintCount(
            output,
            report.Corruptions,
            "errors were found on the image.\nData may be corrupted, or further writes to the image may corrupt it.");
        PrintCount(
            output,
            report.Leaks,
            "leaked clusters were found on the image.\nThis means waste of disk space, but no harm to data.");
        PrintCount(output, report.CheckErrors, "internal errors have occurred during the check.");

        if (report.TotalClusters != 0 && report.AllocatedClusters != 0)
        {
            output.WriteLine(
                string.Create(CultureInfo.InvariantCulture, $"{report.AllocatedClusters}/{report.TotalClusters} = ")
                + $"{Percent(report.AllocatedClusters, report.TotalClusters)} allocated, "
                + $"{Percent(report.FragmentedClusters, report.AllocatedClusters)} fragmented, "
                + $"{Percent(report.CompressedClusters, report.AllocatedClusters)} compressed clusters");
        }

        if (report.ImageEndBytes != 0)
            output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"Image end offset: {report.ImageEndBytes}"));
    }

    private static void PrintCount(StandardOutput output, long count, string text)
    {
        if (count != 0)
            output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"\n{count} {text}"));
    }

    private static string Percent(long part, long whole) => HumanSize.Fixed(part * 100.0 / whole, 2) + "%";
}
