using Byre.Block.Errors;

namespace Byre.Cli.QemuIo.Commands;

/// <summary>"remove_break": removes a breakpoint; what it holds goes on.</summary>
internal sealed class RemoveBreakCommand : IoCommand
{
    public override string Name => "remove_break";

    public override string Arguments => "tag";

    public override string Summary => "remove a breakpoint by tag";

    public override int MinimumArguments => 1;

    public override int MaximumArguments => 1;

    public override ValueTask<bool> RunAsync(IoSession session, string[] words)
    {
        try
        {
            session.Breakpoints().RemoveBreakpoint(words[1]);
            return new ValueTask<bool>(true);
        }
        catch (BlockException exception)
        {
            return new ValueTask<bool>(
                session.Fail($"Could not remove breakpoint {words[1]}: {Errno.Describe(exception.Errno)}"));
        }
    }
}
