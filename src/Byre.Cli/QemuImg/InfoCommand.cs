using Byre.Block.Errors;
using Byre.Block.Graph;
using Byre.Cli.Shared;

namespace Byre.Cli.QemuImg;

/// <summary><c>info</c>: tells what an image is, or every image of its backing chain.</summary>
internal sealed class InfoCommand : Verb
{
    private const int OutputOption = 256;
    private const int BackingChainOption = 257;

    private static readonly LongOption[] LongOptions =
    [
        new("help", 'h'),
        new("format", 'f', TakesArgument: true),
        new("output", OutputOption, TakesArgument: true),
        new("backing-chain", BackingChainOption),
        .. ImageArguments.LongOptions,
    ];

    public override string Name => "info";

    public override async ValueTask<int> RunAsync(string[] arguments, ProgramContext context)
    {
        string? outputName = null;
        bool wholeChain = false;
        var images = new ImageArguments(context);
        var options = context.ParseOptions(arguments, "f:hU", LongOptions);
        for (int code; (code = options.NextOrThrow()) != GnuOptions.End;)
        {
            switch (code)
            {
                case 'h':
                    return HelpText.Print(context);
                case OutputOption:
                    outputName = options.Argument;
                    break;
                case BackingChainOption:
                    wholeChain = true;
                    break;
                default:
                    images.Take(code, options.Argument);
                    break;
            }
        }

        if (options.Operands.Length != 1)
            throw new UsageException("Expecting one image file name");
        string operand = options.Operands[0];
        OutputFormat format = OutputFormats.Parse(outputName);
        List<NodeInfo> chain = await CollectAsync(context, images, operand, wholeChain).ConfigureAwait(false);
        if (format == OutputFormat.Json)
            context.Out.WriteLine(QemuJsonWriter.WritePretty(wholeChain ? AsJson(chain) : chain[0].ToJson()));
        else
            PrintChain(context.Out, chain);
        return 0;
    }

    private static List<object> AsJson(List<NodeInfo> chain)
    {
        var list = new List<object>(chain.Count);
        foreach (NodeInfo info in chain)
            list.Add(info.ToJson());
        return list;
    }

    private static void PrintChain(StandardOutput output, List<NodeInfo> chain)
    {
        for (int i = 0; i < chain.Count; i++)
        {
            if (i > 0)
                output.Write("\n"u8);
            NodeInfoText.Print(output, chain[i]);
        }
    }

    /// <summary>
    /// Opens image after image, each without its backing file, so that a chain can be shown whose lower part is
    /// broken or a loop.
    /// </summary>
    private static async ValueTask<List<NodeInfo>> CollectAsync(
        ProgramContext context, ImageArguments images, string operand, bool wholeChain)
    {
        var chain = new List<NodeInfo>();
        var seen = new HashSet<string>(StringComparer.Ordinal);
        for (string? name = operand; name is not null;)
        {
            if (!seen.Add(name))
                throw BlockException.Invalid($"Backing file '{name}' creates an infinite loop.");
            BlockBackend backend = await images.OpenAsync(name, OpenFlags.NoBacking | OpenFlags.NoDataIo)
                .ConfigureAwait(false);
            await using (backend.ConfigureAwait(false))
                chain.Add(await NodeInfo.CollectAsync(backend.Root).ConfigureAwait(false));

            NodeInfo last = chain[^1];
            images.ImageOptions = false;
            images.Format = last.BackingFormat;
            name = wholeChain ? last.FullBackingFileName : null;
            if (wholeChain && name is null && last.BackingFileName is { } backing)
            {
                throw BlockException.Invalid(
                    $"Could not determine absolute backing filename, but backing filename '{backing}' present");
            }

            if (name is not null)
                CheckPolicy(context, last, name);
        }

        return chain;
    }

    /// <summary>The next image is opened only because this one names it.</summary>
    private static void CheckPolicy(ProgramContext context, NodeInfo image, string fullName) =>
        context.Images.Opener.ImplicitOpens.Check(new ImplicitOpen
        {
            ImageFileName = image.FileName,
            Role = ChildRole.Backing,
            StoredName = image.BackingFileName ?? "",
            FullName = fullName,
            IsProbed = image.BackingFormat is null,
        });
}
