namespace Byre.Cli.QemuIo.Commands;

/// <summary>"quit": the commands after it are not run.</summary>
internal sealed class QuitCommand : IoCommand
{
    public override string Name => "quit";

    public override string Alias => "q";

    public override string Summary => "exit the program";

    public override int MaximumArguments => AnyNumber;

    public override bool NeedsImage => false;

    public override ValueTask<bool> RunAsync(IoSession session, string[] words)
    {
        session.QuitRequested = true;
        return new ValueTask<bool>(true);
    }
}
