using System.Globalization;
using Byre.Block.Errors;
using Byre.Block.Graph;
using Byre.Cli.QemuIo;
using Byre.Cli.Shared;
using Byre.Fuzz.Engine;
using Byre.Qcow2;
using Byre.Qcow2.Create;
using Byre.Storage.Drivers;

namespace Byre.Fuzz.CommandLine;

/// <summary>
/// The parsers of what users type: option lists, sizes, "json:{}" names, whole images described by options, command
/// lines of the verbs and of the exerciser. Images are opened in memory; no name reaches the host.
/// </summary>
internal sealed class CommandLineTarget : IFuzzTarget
{
    private const long MaxRequestBytes = 1 << 20;
    private const int NullDevice = -1;

    /// <summary>Commands that open files of the host, wait for somebody, or end the process.</summary>
    private static readonly string[] Excluded = ["open", "reopen", "sleep", "wait_break", "abort", "sigraise"];

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private static readonly LongOption[] LongOptions =
    [
        new("help", 'h'), new("output", 1000, TakesArgument: true), new("object", 1001, TakesArgument: true),
        new("image-opts", 1002), new("force-share", 'U'), new("force", 1003),
    ];

    private readonly HostlessImages _images = new();

    /// <inheritdoc/>
    public string Name => "text";

    /// <inheritdoc/>
    public int Weight => 1;

    /// <inheritdoc/>
    public FuzzResult Run(FuzzCaseId id)
    {
        (string kind, string text) = Build(id);
        return Run(kind, text);
    }

    /// <inheritdoc/>
    public string Minimise(FuzzCaseId id, FuzzFinding finding)
    {
        (string kind, string text) = Build(id);
        for (int size = Math.Max(1, text.Length / 2); size >= 1; size /= 2)
        {
            for (int place = 0; place + size <= text.Length;)
            {
                string shorter = text.Remove(place, size);
                if (Run(kind, shorter).Finding?.Key == finding.Key)
                    text = shorter;
                else
                    place += size;
            }
        }

        return $"{kind} {Convert.ToBase64String(System.Text.Encoding.UTF8.GetBytes(text))}\n";
    }

    /// <inheritdoc/>
    public FuzzResult Replay(string corpusText)
    {
        foreach (string line in corpusText.Split('\n'))
        {
            if (line.Split(' ') is [not "#", string text] words)
                return Run(words[0], System.Text.Encoding.UTF8.GetString(Convert.FromBase64String(text)));
        }

        throw new FormatException("not a case");
    }

    private static (string Kind, string Text) Build(FuzzCaseId id)
    {
        var random = new FuzzRandom(id.Seeds.Aggregate(0UL, (sum, seed) => (sum * 31) + seed));
        var generator = new TextGenerator(random);
        return random.Next(6) switch
        {
            0 => ("options", generator.OptionList()),
            1 => ("size", generator.Size()),
            2 => ("json", generator.Json()),
            3 => ("image", random.OneIn(2) ? generator.OptionList() : generator.Json()),
            4 => ("command", generator.Command()),
            _ => ("arguments", string.Join('\n', generator.Arguments())),
        };
    }

    private FuzzResult Run(string kind, string text)
    {
        var result = new FuzzResult();
        try
        {
            Parse(kind, text);
            result.AddFeature(FuzzResult.HashWords(kind, 5));
        }
        catch (Exception failure) when (failure is BlockException or UsageException or CommandException)
        {
            // Messages quote what was given; their first words say what is wrong with it.
            string start = failure.Message[..Math.Min(failure.Message.Length, 12)];
            result.AddFeature(FuzzResult.HashWords(kind + start, 7));
        }
        catch (Exception failure)
        {
            result.Fail($"{kind}: {FuzzFailures.KeyOf(failure)}", $"{kind} '{text}': {failure}");
        }

        return result;
    }

    private void Parse(string kind, string text)
    {
        switch (kind)
        {
            case "options":
                ParseOptions(text);
                break;
            case "size":
                ParseSizes(text);
                break;
            case "json":
                JsonFileName.Parse(JsonFileName.IsOne(text) ? text : JsonFileName.Prefix + text);
                break;
            case "image":
                OpenImage(text);
                break;
            case "command":
                RunCommand(text);
                break;
            default:
                WalkArguments(text.Split('\n'));
                break;
        }
    }

    private static void ParseOptions(string text)
    {
        OptionText.AsksForHelp(text);
        OptionText.IsJoinable(text);
        var options = new CreationOptions(new Qcow2Driver(), new FileDriver());
        options.Parse(text);
        options.Describe();
        OptionSet wanted = options.Values.Clone();
        if (!wanted.Contains("size"))
            wanted["size"] = "1048576";
        ImageCreator.CheckSize(Qcow2CreateOptions.Parse(wanted));
    }

    private static void ParseSizes(string text)
    {
        if (SizeText.TryParse(text) is { } size and not long.MinValue && size < 0)
            throw new InvalidOperationException($"a size of {size.ToString(CultureInfo.InvariantCulture)}");
        SizeText.TryParse(text, 512);
        CommandNumbers.TryParseInteger(text);
        try
        {
            SizeText.ParseUnsigned("x", text);
        }
        catch (BlockException)
        {
            // The next one may accept it.
        }

        SizeText.ParseNumber("x", text);
    }

    private void OpenImage(string text)
    {
        OptionSet? options = JsonFileName.IsOne(text) ? null : OptionText.Parse(text, "file", warn: null, keepId: true);
        ValueTask<BlockNode> opening = _images.Opener.OpenAsync(
            options is null ? text : null, OpenFlags.ReadWrite | OpenFlags.Unmap, options);
        Wait(Wait(opening.AsTask()).DisposeAsync().AsTask());
    }

    private static void RunCommand(string text)
    {
        string[] words = text.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        if (words.Length == 0 || CommandTable.Find(words[0]) is { } command && Excluded.Contains(command.Name))
            return;
        foreach (string word in words)
        {
            // Buffers of gigabytes are what such a command asks for.
            if (SizeText.TryParse(word) is > MaxRequestBytes)
                return;
        }

        var context = new ProgramContext(
            "qemu-io",
            new StandardOutput(NullDevice, OutputBuffering.Block),
            new StandardOutput(NullDevice, OutputBuffering.None));
        Wait(RunOnNullDeviceAsync(context, text));
    }

    private static async Task RunOnNullDeviceAsync(ProgramContext context, string line)
    {
        var request = new IoOpenRequest();
        request.Options["driver"] = "null-co";
        request.Options["size"] = "1048576";
        var session = new IoSession(context);
        await using (session.ConfigureAwait(false))
        {
            await session.OpenAsync(request).ConfigureAwait(false);
            await CommandDispatcher.RunAsync(session, line).ConfigureAwait(false);
        }
    }

    private static void WalkArguments(string[] words)
    {
        var options = new GnuOptions(words, "f:hqUP:o:", LongOptions);
        int steps = 0;
        while (options.NextOrThrow() != GnuOptions.End)
        {
            if (++steps > 10_000)
                throw new InvalidOperationException("the command line does not end");
        }

        _ = options.Operands.Length + options.PreviousElement.Length;
    }

    private static void Wait(Task task)
    {
        if (!task.IsCompleted && !Task.WhenAny(task).Wait(Patience))
            throw new InvalidOperationException("this does not come to an end");
        task.GetAwaiter().GetResult();
    }

    private static T Wait<T>(Task<T> task)
    {
        Wait((Task)task);
        return task.Result;
    }
}
