namespace Byre.Cli.QemuIo.Commands;

/// <summary>"wait_break": waits until a request is held.</summary>
internal sealed class WaitBreakCommand : IoCommand
{
    public override string Name => "wait_break";

    public override string Arguments => "tag";

    public override string Summary => "waits for the suspension of a request";

    public override int MinimumArguments => 1;

    public override int MaximumArguments => 1;

    public override async ValueTask<bool> RunAsync(IoSession session, string[] words)
    {
        RequestOutcome outcome = await session
            .PerformAsync(() => session.Breakpoints().WaitForSuspensionAsync(words[1])).ConfigureAwait(false);
        return outcome.Failure is null;
    }
}
