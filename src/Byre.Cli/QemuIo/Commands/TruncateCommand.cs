using Byre.Block.Requests;
using Byre.Cli.Shared;

namespace Byre.Cli.QemuIo.Commands;

/// <summary>"truncate": changes the image's length.</summary>
internal sealed class TruncateCommand : IoCommand
{
    public override string Name => "truncate";

    public override string Alias => "t";

    public override string Arguments => "[-m prealloc_mode] off";

    public override string Summary => "truncates the current file at the given offset";

    public override int MinimumArguments => 1;

    public override int MaximumArguments => 3;

    public override bool Writes => true;

    public override async ValueTask<bool> RunAsync(IoSession session, string[] words)
    {
        var mode = PreallocationMode.Off;
        var scan = new GnuOptions(words, "m:", []);
        for (int code; (code = scan.Next()) != GnuOptions.End;)
        {
            if (code != 'm')
                throw CommandException.BadOption(scan.Complaint);
            mode = ParseMode(scan.Argument);
        }

        if (scan.Operands.IsEmpty)
            throw CommandException.Output(
                $"Parsing error: non-numeric argument, or extraneous/unrecognized suffix -- {words[1]}");
        long length = CommandNumbers.ParseSize(scan.Operands[0]);
        RequestOutcome outcome = await session.PerformAsync(() => session.Image.Root
            .TruncateAsync(new TruncateRequest(length) { Preallocation = mode })).ConfigureAwait(false);
        if (outcome.Failure is null)
            return true;
        session.Context.Report(outcome.Failure);
        return false;
    }

    private static PreallocationMode ParseMode(string text) => text switch
    {
        "off" => PreallocationMode.Off,
        "metadata" => PreallocationMode.Metadata,
        "falloc" => PreallocationMode.Falloc,
        "full" => PreallocationMode.Full,
        _ => throw CommandException.Error($"Invalid preallocation mode '{text}'"),
    };
}
