using Byre.Cli.QemuIo.Interop;

namespace Byre.Cli.QemuIo.Commands;

/// <summary>"abort": dies as a program that crashes; what was printed but not flushed is lost.</summary>
internal sealed class AbortCommand : IoCommand
{
    public override string Name => "abort";

    public override string Summary => "simulate a program crash using abort(3)";

    public override bool NeedsImage => false;

    public override ValueTask<bool> RunAsync(IoSession session, string[] words)
    {
        ProcessSignals.Raise(ProcessSignals.Abort);
        return new ValueTask<bool>(true);
    }
}
