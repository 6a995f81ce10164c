namespace Byre.Cli.QemuIo.Commands;

/// <summary>
/// "flush": makes everything written stable. A failure is silent but for the exit status, as in the peer.
/// </summary>
internal sealed class FlushCommand : IoCommand
{
    public override string Name => "flush";

    public override string Alias => "f";

    public override string Summary => "flush all in-core file state to disk";

    public override async ValueTask<bool> RunAsync(IoSession session, string[] words)
    {
        RequestOutcome outcome = await session.PerformAsync(() => session.Image.FlushAsync()).ConfigureAwait(false);
        return outcome.Failure is null;
    }
}
