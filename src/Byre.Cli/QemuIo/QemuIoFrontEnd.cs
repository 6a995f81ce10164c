using Byre.Cli.QemuImg;
using Byre.Cli.Shared;

namespace Byre.Cli.QemuIo;

/// <summary>
/// The front end called qemu-io: runs commands on an image, from repeated <c>-c</c> or from standard input. The exit
/// status is 1 where one of them failed or the image could not be opened; a failed command does not stop the next.
/// </summary>
internal static class QemuIoFrontEnd
{
    private const int ObjectOption = 256;
    private const int ImageOptsOption = 257;

    private static readonly LongOption[] LongOptions =
    [
        new("help", 'h'),
        new("version", 'V'),
        new("cmd", 'c', TakesArgument: true),
        new("format", 'f', TakesArgument: true),
        new("read-only", 'r'),
        new("snapshot", 's'),
        new("nocache", 'n'),
        new("copy-on-read", 'C'),
        new("misalign", 'm'),
        new("native-aio", 'k'),
        new("aio", 'i', TakesArgument: true),
        new("discard", 'd', TakesArgument: true),
        new("cache", 't', TakesArgument: true),
        new("trace", 'T', TakesArgument: true),
        new("object", ObjectOption, TakesArgument: true),
        new("image-opts", ImageOptsOption),
        new("force-share", 'U'),
    ];

    /// <summary>Runs the program; <paramref name="arguments"/> are those after its name.</summary>
    public static async ValueTask<int> RunAsync(ProgramContext context, string[] arguments)
    {
        var commandLine = new IoCommandLine();
        var scan = context.ParseOptions([context.ProgramName, .. arguments], "hVc:d:f:rsnCmki:t:T:U", LongOptions);
        try
        {
            for (int code; (code = scan.Next()) != GnuOptions.End;)
            {
                if (Apply(context, commandLine, code, scan) is { } status)
                    return status;
            }
        }
        catch (CommandException complaint)
        {
            context.Report(complaint.Message);
            return 1;
        }

        if (scan.Operands.Length > 1)
        {
            context.Out.Write(IoUsage.Text(context.ProgramName));
            return 1;
        }

        if (commandLine.Format is not null && commandLine.UsesImageOptions)
        {
            context.Report("--image-opts and -f are mutually exclusive");
            return 1;
        }

        return await RunAsync(context, commandLine, scan.Operands.IsEmpty ? null : scan.Operands[0])
            .ConfigureAwait(false);
    }

    private static async ValueTask<int> RunAsync(ProgramContext context, IoCommandLine commandLine, string? image)
    {
        var session = new IoSession(context)
        {
            MisalignsBuffers = commandLine.MisalignsBuffers,
            UsesImageOptions = commandLine.UsesImageOptions,
        };
        await using (session.ConfigureAwait(false))
        {
            if (image is not null && !await OpenAsync(session, commandLine, image).ConfigureAwait(false))
                return 1;
            bool succeeded = commandLine.Commands.Count > 0
                ? await RunCommandsAsync(session, commandLine.Commands).ConfigureAwait(false)
                : await CommandPrompt.RunAsync(session).ConfigureAwait(false);
            return succeeded ? 0 : 1;
        }
    }

    private static ValueTask<bool> OpenAsync(IoSession session, IoCommandLine commandLine, string image)
    {
        IoOpenRequest request = commandLine.OpenRequest;
        if (commandLine.UsesImageOptions)
            session.AddOptions(request.Options, image, impliedKey: "file");
        else
            request.FileName = image;
        if (commandLine.Format is { } format)
            request.Options["driver"] = format;
        return session.OpenAsync(request);
    }

    private static async ValueTask<bool> RunCommandsAsync(IoSession session, IReadOnlyList<string> commands)
    {
        bool succeeded = true;
        foreach (string command in commands)
        {
            if (session.QuitRequested)
                break;
            succeeded &= await CommandDispatcher.RunAsync(session, command).ConfigureAwait(false);
        }

        return succeeded;
    }

    /// <summary>Takes one option; returns the exit status where the program ends with it.</summary>
    private static int? Apply(ProgramContext context, IoCommandLine commandLine, int code, GnuOptions scan)
    {
        IoOpenRequest request = commandLine.OpenRequest;
        switch (code)
        {
            case 's': request.UsesTemporaryOverlay = true; break;
            case 'n': request.BypassHostCache(); break;
            case 'C': request.CopiesOnRead = true; break;
            case 'd': request.SetDiscardMode(scan.Argument); break;
            case 'r': request.IsReadOnly = true; break;
            case 'k': request.SetAioMode("native"); break;
            case 'i': request.SetAioMode(scan.Argument); break;
            case 't': request.SetCacheMode(scan.Argument); break;
            case 'U': request.ForceShare = true; break;
            case 'f': commandLine.Format = scan.Argument; break;
            case 'c': commandLine.Commands.Add(scan.Argument); break;
            case 'm': commandLine.MisalignsBuffers = true; break;
            case 'T': break; // nothing is traced here
            case ObjectOption: ObjectDefinition.Define(scan.Argument, context); break;
            case ImageOptsOption: commandLine.UsesImageOptions = true; break;
            case 'V':
                context.Out.Write(HelpText.Version(context.ProgramName));
                return 0;
            case 'h':
                context.Out.Write(IoUsage.Text(context.ProgramName));
                return 0;
            default:
                context.Errors.Write($"{context.ProgramName}: {scan.Complaint}\n");
                context.Out.Write(IoUsage.Text(context.ProgramName));
                return 1;
        }

        return null;
    }
}
