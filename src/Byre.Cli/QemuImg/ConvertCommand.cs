using Byre.Block.Errors;
using Byre.Block.Graph;
using Byre.Block.Jobs;
using Byre.Cli.Shared;

namespace Byre.Cli.QemuImg;

/// <summary><c>convert</c>: copies one disk, or several one after the other, into a new or an existing image.</summary>
internal sealed class ConvertCommand : Verb
{
    private const int SectorBytes = 512;

    /// <summary>Percent points between two lines of progress.</summary>
    private const float ProgressStep = 1.0f;

    public override string Name => "convert";

    public override async ValueTask<int> RunAsync(string[] arguments, ProgramContext context)
    {
        if (ConvertArguments.TryParse(arguments, context) is not { } parsed)
            return 0;
        if (parsed.CreationOptions.AsksForHelp)
        {
            if (parsed.TargetFormat is null)
                throw BlockException.Invalid("Option help requires a format be specified");
            string? fileName = parsed.Sources.Length > 0 ? parsed.Target : null;
            return CreateCommand.PrintOptionHelp(context, fileName, parsed.TargetFormat);
        }

        if (parsed.Sources.Length == 0)
            throw BlockException.Invalid("Must specify image file name");
        if (!CacheMode.TryParse(parsed.SourceCache, out CacheMode sourceCache))
            throw BlockException.Invalid($"Invalid source cache option: {parsed.SourceCache}");

        using var progress = new ProgressPrinter(context, parsed.Progress, ProgressStep, "convert");
        progress.Print(0f);
        try
        {
            await using var images = new OpenImages(context);
            var sources = new List<BlockNode>(parsed.Sources.Length);
            foreach (string name in parsed.Sources)
            {
                BlockBackend source = await parsed.Images.OpenAsync(name, sourceCache.Flags | OpenFlags.NoShare)
                    .ConfigureAwait(false);
                images.Add(source);
                sources.Add(source.Root);
            }

            if (parsed.Snapshot is { IsIdOrName: true } && sources.Count > 1)
                throw BlockException.Invalid("No support for concatenating multiple snapshot");
            if (parsed.Snapshot is { } snapshot)
                await snapshot.LoadAsync(sources[0]).ConfigureAwait(false);
            long total = await ConvertAsync(parsed, context, images, sources, progress).ConfigureAwait(false);
            await images.CloseAsync().ConfigureAwait(false);
            progress.Report(total, total);
        }
        finally
        {
            progress.End();
        }

        return 0;
    }

    /// <summary>Copies; returns the bytes of data that there were.</summary>
    private static async ValueTask<long> ConvertAsync(
        ConvertArguments parsed,
        ProgramContext context,
        OpenImages images,
        List<BlockNode> sources,
        ProgressPrinter progress)
    {
        long total = 0;
        foreach (BlockNode source in sources)
            total += (source.LengthBytes + SectorBytes - 1) & -SectorBytes;

        ConvertTarget target = await ConvertTarget.OpenAsync(parsed, context, total).ConfigureAwait(false);
        images.Add(target.Backend);
        if (parsed.SkipCreation && target.Backend.LengthBytes < total)
            throw BlockException.Invalid("output file is smaller than input file");

        long dataBytes = 0;
        BlockNode node = target.Backend.Root;
        ConvertOptions options = parsed.Job with
        {
            TargetIsNew = !parsed.SkipCreation,
            TargetHasBacking = target.HasBacking,
            TargetBackingLengthBytes = target.HasBacking && !parsed.SkipCreation ? node.Backing?.LengthBytes : null,
            WriteThrough = !target.Backend.WriteCache,
            Warn = parsed.Quiet ? null : context.Warn,
            Progress = Show,
        };
        await new ConvertJob(sources, node, options).RunAsync().ConfigureAwait(false);
        return dataBytes;

        void Show(JobProgress state)
        {
            dataBytes = state.BytesTotal;
            progress.Report(state.BytesDone, state.BytesTotal);
        }
    }
}
