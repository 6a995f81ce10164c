namespace Byre.Cli.QemuIo.Commands;

/// <summary>"close": waits for what was started, then closes the image.</summary>
internal sealed class CloseCommand : IoCommand
{
    public override string Name => "close";

    public override string Alias => "c";

    public override string Summary => "close the current open file";

    public override async ValueTask<bool> RunAsync(IoSession session, string[] words)
    {
        await session.CloseAsync().ConfigureAwait(false);
        return true;
    }
}
