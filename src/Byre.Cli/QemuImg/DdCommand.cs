using Byre.Block.Buffers;
using Byre.Block.Errors;
using Byre.Block.Graph;
using Byre.Block.Requests;
using Byre.Cli.Shared;

namespace Byre.Cli.QemuImg;

/// <summary>
/// <c>dd</c>: copies a part of an image into a new one. The block size only counts what is copied: data moves in
/// larger pieces.
/// </summary>
internal sealed class DdCommand : Verb
{
    private const int ProgressOption = 258;

    /// <summary>Bytes that are read and written at a time.</summary>
    private const int PieceBytes = 2 << 20;

    private static readonly LongOption[] LongOptions =
    [
        new("help", 'h'),
        .. ImageArguments.LongOptions,
        new("progress", ProgressOption, TakesArgument: true),
    ];

    public override string Name => "dd";

    public override async ValueTask<int> RunAsync(string[] arguments, ProgramContext context)
    {
        string outputFormat = "raw";
        var progressMode = ProgressMode.Silent;
        var images = new ImageArguments(context);
        var options = context.ParseOptions(arguments, "hf:O:U", LongOptions);
        for (int code; (code = options.NextOrThrow()) != GnuOptions.End;)
        {
            switch (code)
            {
                case 'h':
                    return HelpText.Print(context);
                case 'O':
                    outputFormat = options.Argument;
                    break;
                case ProgressOption:
                    progressMode = ProgressPrinter.ParseMode(options.Argument);
                    break;
                default:
                    images.Take(code, options.Argument);
                    break;
            }
        }

        DdArguments operands = DdArguments.Parse(options.Operands, context);
        if (operands is not { Input: { } input, Output: { } output })
            throw BlockException.Invalid("Must specify both input and output files");

        await using var open = new OpenImages(context);
        BlockBackend source = await images.OpenAsync(input, OpenFlags.None).ConfigureAwait(false);
        open.Add(source);
        long end = EndOfInput(source.LengthBytes, operands);

        // What is skipped may lie beyond the end, even beyond 2^63: then nothing is left to copy.
        Int128 start = (Int128)(operands.Skip ?? 0) * operands.BlockBytes;
        bool skipsAll = operands.Skip is not null && start > end;
        long length = skipsAll ? 0 : end - (long)start;
        await CreateAsync(context, output, outputFormat, length).ConfigureAwait(false);
        var outputImages = new ImageArguments(context) { Format = outputFormat };
        BlockBackend target = await outputImages.OpenAsync(output, OpenFlags.ReadWrite).ConfigureAwait(false);
        open.Add(target);

        if (skipsAll)
            context.Report($"{input}: cannot skip to specified offset");
        else
        {
            var range = ByteRange.FromEnd((long)start, end);
            await CopyAsync(source, target, range, progressMode, context).ConfigureAwait(false);
        }

        await open.CloseAsync().ConfigureAwait(false);
        return 0;
    }

    private static long EndOfInput(long lengthBytes, DdArguments operands)
    {
        if (operands.Count is not { } count || count > long.MaxValue / operands.BlockBytes)
            return lengthBytes;
        return Math.Min(lengthBytes, count * operands.BlockBytes);
    }

    private static async ValueTask CreateAsync(
        ProgramContext context, string output, string formatName, long lengthBytes)
    {
        if (context.Images.Opener.Registry.Find(formatName) is null)
            throw BlockException.Invalid("Unknown file format");
        (BlockDriver format, BlockDriver protocol) = ImageCreation.FindDrivers(context, output, formatName);
        var options = new CreationOptions(format, protocol);
        options.Set("size", lengthBytes);
        try
        {
            await context.Images.CreateAsync(format, output, options.Values).ConfigureAwait(false);
        }
        catch (BlockException failure)
        {
            throw failure.Prepend($"{output}: error while creating output image: ");
        }
    }

    private static async ValueTask CopyAsync(
        BlockBackend source, BlockBackend target, ByteRange range, ProgressMode mode, ProgramContext context)
    {
        (long start, long end) = (range.Offset, range.End);
        using var progress = new ProgressPrinter(context, mode, 1f, "dd");
        progress.Report(0, range.Length);
        using IoBuffer buffer = IoBufferPool.Shared.Rent(PieceBytes);
        for (long position = start; position < end; position += PieceBytes)
        {
            Memory<byte> piece = buffer.Memory[..(int)Math.Min(PieceBytes, end - position)];
            try
            {
                await source.ReadAsync(position, piece).ConfigureAwait(false);
            }
            catch (BlockException failure)
            {
                throw Failed("error while reading from input image file", failure);
            }

            try
            {
                await target.WriteAsync(position - start, piece).ConfigureAwait(false);
            }
            catch (BlockException failure)
            {
                throw Failed("error while writing to output image file", failure);
            }

            progress.Report(position - start + piece.Length, range.Length);
        }

        progress.End();
    }

    private static BlockException Failed(string text, BlockException failure) =>
        new(failure.Kind, failure.Errno, $"{text}: {Errno.Describe(failure.Errno)}", failure);
}
