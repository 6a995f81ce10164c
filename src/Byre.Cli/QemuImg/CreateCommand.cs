using Byre.Block.Errors;
using Byre.Block.Graph;
using Byre.Cli.Shared;

namespace Byre.Cli.QemuImg;

/// <summary><c>create</c>: makes a new image.</summary>
internal sealed class CreateCommand : Verb
{
    private const int ObjectOption = 256;

    private static readonly LongOption[] LongOptions =
    [
        new("help", 'h'),
        new("object", ObjectOption, TakesArgument: true),
    ];

    public override string Name => "create";

    public override async ValueTask<int> RunAsync(string[] arguments, ProgramContext context)
    {
        string format = "raw";
        string? backingFile = null;
        string? backingFormat = null;
        bool quiet = false;
        bool skipBacking = false;
        var images = new ImageArguments(context);
        var creationOptions = new OptionAccumulator();

        var options = context.ParseOptions(arguments, "F:b:f:ho:qu", LongOptions);
        for (int code; (code = options.NextOrThrow()) != GnuOptions.End;)
        {
            switch (code)
            {
                case 'h':
                    return HelpText.Print(context);
                case 'F':
                    backingFormat = options.Argument;
                    break;
                case 'b':
                    backingFile = options.Argument;
                    break;
                case 'f':
                    format = options.Argument;
                    break;
                case 'o':
                    creationOptions.Add(options.Argument);
                    break;
                case 'q':
                    quiet = true;
                    break;
                case 'u':
                    skipBacking = true;
                    break;
                case ObjectOption:
                    images.DefineObject(options.Argument);
                    break;
            }
        }

        string[] operands = options.Operands.ToArray();
        if (creationOptions.AsksForHelp)
            return PrintOptionHelp(context, operands.Length > 0 ? operands[0] : null, format);
        if (operands.Length == 0)
            throw new UsageException("Expecting image file name");
        long size = operands.Length > 1 ? NumberArguments.ParseSize(context, "image size", operands[1]) : -1;
        if (operands.Length > 2)
            throw new UsageException($"Unexpected argument: {operands[2]}");

        await RunAsync(new ImageCreation(context)
        {
            FileName = operands[0],
            Format = format,
            BackingFile = backingFile,
            BackingFormat = backingFormat,
            Options = creationOptions.Text,
            SizeBytes = size,
            SkipBacking = skipBacking,
            Quiet = quiet,
        }).ConfigureAwait(false);
        return 0;
    }

    private static async ValueTask RunAsync(ImageCreation creation)
    {
        try
        {
            await creation.RunAsync().ConfigureAwait(false);
        }
        catch (BlockException failure)
        {
            throw failure.Prepend(creation.FileName + ": ");
        }
    }

    /// <summary>
    /// What <c>-o help</c> prints for a format, with the protocol's options where a file name tells the protocol.
    /// </summary>
    internal static int PrintOptionHelp(ProgramContext context, string? fileName, string formatName)
    {
        BlockDriver format = context.Images.FindFormat(formatName);
        if (format.CreateOptions.Count == 0)
            throw BlockException.NotSupported($"Format driver '{formatName}' does not support image creation");
        BlockDriver? protocol = fileName is null
            ? null : ImageCreation.FindDrivers(context, fileName, formatName).Protocol;

        context.Out.WriteLine(fileName is null ? $"Supported {formatName} options:" : "Supported options:");
        new CreationOptions(format, protocol).PrintHelp(context.Out);
        if (fileName is null)
        {
            context.Out.Write(
                "\nThe protocol level may support further options.\n"
                + "Specify the target filename to include those options.\n");
        }

        return 0;
    }
}
