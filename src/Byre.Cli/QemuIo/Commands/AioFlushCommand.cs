namespace Byre.Cli.QemuIo.Commands;

/// <summary>"aio_flush": waits for everything that was started.</summary>
internal sealed class AioFlushCommand : IoCommand
{
    public override string Name => "aio_flush";

    public override string Summary => "completes all outstanding aio requests";

    public override async ValueTask<bool> RunAsync(IoSession session, string[] words)
    {
        await session.Requests.DrainAsync().ConfigureAwait(false);
        return true;
    }
}
