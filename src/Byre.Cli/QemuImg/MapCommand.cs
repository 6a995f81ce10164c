using Byre.Block.Errors;
using Byre.Block.Graph;
using Byre.Block.Requests;
using Byre.Cli.Shared;

namespace Byre.Cli.QemuImg;

/// <summary><c>map</c>: tells which file of a backing chain each part of the disk comes from.</summary>
internal sealed class MapCommand : Verb
{
    private const int OutputOption = 256;

    private static readonly LongOption[] LongOptions =
    [
        new("help", 'h'),
        new("format", 'f', TakesArgument: true),
        new("output", OutputOption, TakesArgument: true),
        .. ImageArguments.LongOptions,
        new("start-offset", 's', TakesArgument: true),
        new("max-length", 'l', TakesArgument: true),
    ];

    public override string Name => "map";

    public override async ValueTask<int> RunAsync(string[] arguments, ProgramContext context)
    {
        string? outputName = null;
        long start = 0;
        long mostBytes = -1;
        var images = new ImageArguments(context);
        var options = context.ParseOptions(arguments, "f:s:l:hU", LongOptions);
        for (int code; (code = options.NextOrThrow()) != GnuOptions.End;)
        {
            switch (code)
            {
                case 'h':
                    return HelpText.Print(context);
                case OutputOption:
                    outputName = options.Argument;
                    break;
                case 's':
                    start = NumberArguments.ParseSize(context, "start offset", options.Argument);
                    break;
                case 'l':
                    mostBytes = NumberArguments.ParseSize(context, "max length", options.Argument);
                    break;
                default:
                    images.Take(code, options.Argument);
                    break;
            }
        }

        if (options.Operands.Length != 1)
            throw new UsageException("Expecting one image file name");
        string operand = options.Operands[0];
        IMapWriter writer = OutputFormats.Parse(outputName) == OutputFormat.Json
            ? new JsonMapWriter(context.Out)
            : new HumanMapWriter(context.Out);

        BlockBackend backend = await images.OpenAsync(operand, OpenFlags.None).ConfigureAwait(false);
        await using (backend.ConfigureAwait(false))
        {
            long end = mostBytes < 0 ? backend.LengthBytes : Math.Min(start + mostBytes, backend.LengthBytes);
            await WriteAsync(writer, backend.Root, start, end).ConfigureAwait(false);
        }

        return 0;
    }

    private static async ValueTask WriteAsync(IMapWriter writer, BlockNode node, long start, long end)
    {
        writer.Begin();
        MapEntry current = new() { Start = start };
        while (current.Start + current.Length < end)
        {
            long offset = current.Start + current.Length;
            MapEntry next;
            try
            {
                next = await LookUpAsync(node, ByteRange.FromEnd(offset, end)).ConfigureAwait(false);
            }
            catch (BlockException failure)
            {
                throw failure.Prepend("Could not read file metadata: ");
            }

            if (current.CanAppend(next))
            {
                current = current with { Length = current.Length + next.Length };
                continue;
            }

            current = current.Length > 0 ? writer.Write(current, next)!.Value : next;
        }

        writer.Write(current, next: null);
        writer.End();
    }

    /// <summary>Asks down the chain until an image knows what the start of the range reads as.</summary>
    private static async ValueTask<MapEntry> LookUpAsync(BlockNode top, ByteRange range)
    {
        int depth = 0;
        BlockExtent extent;
        for (BlockNode node = SkipFilters(top); ; node = SkipFilters(node.Backing!), depth++)
        {
            ValueTask<BlockExtent> answer = node.GetStatusAsync(range);
            extent = answer.IsCompletedSuccessfully ? answer.Result : await answer.ConfigureAwait(false);
            range = new ByteRange(range.Offset, extent.Length);
            if ((extent.Status & (BlockStatus.Zero | BlockStatus.Data)) != 0)
                break;
            if (node.Backing is null)
            {
                extent = extent with { Status = BlockStatus.None };
                break;
            }
        }

        bool hasOffset = extent.Has(BlockStatus.OffsetValid);
        return new MapEntry
        {
            Start = range.Offset,
            Length = range.Length,
            Depth = depth,
            IsPresent = extent.Has(BlockStatus.Allocated),
            IsZero = extent.Has(BlockStatus.Zero),
            IsData = extent.Has(BlockStatus.Data),
            IsCompressed = extent.Has(BlockStatus.Compressed),
            HostOffset = hasOffset ? extent.HostOffset : null,
            FileName = hasOffset ? extent.HostNode?.FileName : null,
        };
    }

    private static BlockNode SkipFilters(BlockNode node)
    {
        while (node.Driver.IsFilter && node.File is { } below)
            node = below;
        return node;
    }
}
