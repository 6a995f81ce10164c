namespace Byre.Cli.QemuIo.Commands;

/// <summary>"sleep": waits, while what was started goes on.</summary>
internal sealed class SleepCommand : IoCommand
{
    public override string Name => "sleep";

    public override string Summary => "waits for the given value in milliseconds";

    public override int MinimumArguments => 1;

    public override int MaximumArguments => 1;

    public override bool NeedsImage => false;

    public override async ValueTask<bool> RunAsync(IoSession session, string[] words)
    {
        if (CommandNumbers.TryParseInteger(words[1]) is not (>= 0 and long milliseconds))
            return session.Fail($"{words[1]} is not a valid number");
        await session.PerformAsync(
            async () => await Task.Delay(TimeSpan.FromMilliseconds(milliseconds)).ConfigureAwait(false))
            .ConfigureAwait(false);
        return true;
    }
}
