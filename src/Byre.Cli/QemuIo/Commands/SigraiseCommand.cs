using Byre.Cli.QemuIo.Interop;

namespace Byre.Cli.QemuIo.Commands;

/// <summary>"sigraise": sends a signal to this very process.</summary>
internal sealed class SigraiseCommand : IoCommand
{
    /// <summary>One more than the largest signal of Linux.</summary>
    private const int SignalCount = 65;

    public override string Name => "sigraise";

    public override string Arguments => "signal";

    public override string Summary => "raises a signal";

    public override string Help => """

         sends a signal to this process

         Example:
         'sigraise 15' - sends SIGTERM

         What was printed so far is flushed first.


        """;

    public override int MinimumArguments => 1;

    public override int MaximumArguments => 1;

    public override bool NeedsImage => false;

    public override ValueTask<bool> RunAsync(IoSession session, string[] words)
    {
        long signal = CommandNumbers.ParseSize(words[1]);
        if (signal > SignalCount)
        {
            return new ValueTask<bool>(
                session.Fail($"signal argument '{words[1]}' is too large to be a valid signal"));
        }

        session.Output.Flush();
        ProcessSignals.Raise((int)signal);
        return new ValueTask<bool>(true);
    }
}
