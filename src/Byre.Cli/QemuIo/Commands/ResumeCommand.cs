using Byre.Block.Errors;

namespace Byre.Cli.QemuIo.Commands;

/// <summary>"resume": lets a held request go on.</summary>
internal sealed class ResumeCommand : IoCommand
{
    public override string Name => "resume";

    public override string Arguments => "tag";

    public override string Summary => "resumes the request tagged as tag";

    public override int MinimumArguments => 1;

    public override int MaximumArguments => 1;

    public override ValueTask<bool> RunAsync(IoSession session, string[] words)
    {
        try
        {
            session.Breakpoints().Resume(words[1]);
            return new ValueTask<bool>(true);
        }
        catch (BlockException exception)
        {
            return new ValueTask<bool>(session.Fail($"Could not resume request: {Errno.Describe(exception.Errno)}"));
        }
    }
}
