using Byre.Block.Errors;
using Byre.Block.Graph;
using Byre.Cli.QemuImg;
using Byre.Cli.Shared;
using Byre.Qcow2.Inspect;
using Byre.Storage.Files;

namespace Byre.Cli.Inspect;

/// <summary>
/// <c>inspect</c>: says whether an image from a stranger may be used unattended. The exit status is the verdict.
/// </summary>
internal sealed class InspectCommand : Verb
{
    /// <summary>No danger was found.</summary>
    private const int Safe = 0;

    /// <summary>There is a danger.</summary>
    private const int Unsafe = 2;

    /// <summary>The file is empty, or no regular file.</summary>
    private const int NotAnImage = 3;

    /// <summary>The file cannot be opened or read.</summary>
    private const int Unreadable = 4;

    private const int OutputOption = 256;
    private const int MaxSizeOption = 257;
    private const int DeviceOption = 258;

    private static readonly LongOption[] LongOptions =
    [
        new("help", 'h'),
        new("format", 'f', TakesArgument: true),
        new("output", OutputOption, TakesArgument: true),
        new("max-virtual-size", MaxSizeOption, TakesArgument: true),
        new("block-device", DeviceOption),
    ];

    public override string Name => "inspect";

    public override async ValueTask<int> RunAsync(string[] arguments, ProgramContext context)
    {
        string? outputName = null;
        bool allowBlockDevice = false;
        var image = new InspectionOptions();
        GnuOptions options = context.ParseOptions(arguments, "f:h", LongOptions);
        for (int code; (code = options.NextOrThrow()) != GnuOptions.End;)
        {
            switch (code)
            {
                case 'h':
                    return HelpText.Print(context);
                case 'f':
                    image = image with { DeclaredFormat = options.Argument };
                    break;
                case OutputOption:
                    outputName = options.Argument;
                    break;
                case MaxSizeOption:
                    image = image with { MaxVirtualSizeBytes = SizeText.Parse("max-virtual-size", options.Argument) };
                    break;
                case DeviceOption:
                    allowBlockDevice = true;
                    break;
            }
        }

        if (options.Operands.Length != 1)
            throw new UsageException("Expecting one image file name");
        string file = options.Operands[0];
        OutputFormat format = OutputFormats.Parse(outputName);
        try
        {
            using UntrustedFile source = UntrustedFile.Open(file, allowBlockDevice);
            InspectionReport report = await ImageInspection.RunAsync(source, image).ConfigureAwait(false);
            if (format == OutputFormat.Json)
                context.Out.WriteLine(InspectionPrinter.ToJson(file, report));
            else
                InspectionPrinter.Print(context.Out, file, report);
            return report.Verdict switch
            {
                InspectionVerdict.Safe => Safe,
                InspectionVerdict.Unsafe => Unsafe,
                _ => NotAnImage,
            };
        }
        catch (BlockException failure)
        {
            context.Report(failure);
            return failure.Kind == BlockErrorKind.InvalidFormat ? NotAnImage : Unreadable;
        }
    }
}
