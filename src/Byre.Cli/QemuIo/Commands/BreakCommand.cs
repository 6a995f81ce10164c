using Byre.Block.Errors;

namespace Byre.Cli.QemuIo.Commands;

/// <summary>"break": holds the next request that reaches an event.</summary>
internal sealed class BreakCommand : IoCommand
{
    public override string Name => "break";

    public override string Arguments => "event tag";

    public override string Summary => "sets a breakpoint on event and tags the stopped request as tag";

    public override int MinimumArguments => 2;

    public override int MaximumArguments => 2;

    public override ValueTask<bool> RunAsync(IoSession session, string[] words)
    {
        try
        {
            session.Breakpoints().SetBreakpoint(words[1], words[2]);
            return new ValueTask<bool>(true);
        }
        catch (BlockException exception)
        {
            return new ValueTask<bool>(session.Fail($"Could not set breakpoint: {Errno.Describe(exception.Errno)}"));
        }
    }
}
