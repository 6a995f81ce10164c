using Byre.Cli.QemuIo;
using Byre.Cli.Shared;

namespace Byre.Cli.QemuImg;

/// <summary>The front end called qemu-img, and byre: standard options, then a verb.</summary>
internal static class QemuImgFrontEnd
{
    private static readonly LongOption[] StandardOptions =
    [
        new("help", 'h'),
        new("version", 'V'),
        new("trace", 'T', TakesArgument: true),
    ];

    /// <summary>Runs the verb that <paramref name="arguments"/> name.</summary>
    public static ValueTask<int> RunAsync(ProgramContext context, string[] arguments)
    {
        if (arguments.Length == 0)
            throw new UsageException("Not enough arguments");
        var options = new GnuOptions([context.ProgramName, .. arguments], "hVT:", StandardOptions, stopAtOperand: true)
        {
            TakeCommon = context.TakeCommonOption,
        };
        for (int code; (code = options.NextOrThrow()) != GnuOptions.End;)
        {
            switch (code)
            {
                case 'h':
                    return new ValueTask<int>(HelpText.Print(context));
                case 'V':
                    context.Out.Write(HelpText.Version(context.ProgramName));
                    return new ValueTask<int>(0);
            }
        }

        if (options.Operands.IsEmpty)
            return new ValueTask<int>(0);
        string[] words = options.Operands.ToArray();
        if (words[0] == "io" && context.ProgramName == "byre")
            return QemuIoFrontEnd.RunAsync(context, words[1..]);
        Verb verb = VerbTable.Find(words[0]) ?? throw new UsageException($"Command not found: {words[0]}");
        return verb.RunAsync(words, context);
    }
}
