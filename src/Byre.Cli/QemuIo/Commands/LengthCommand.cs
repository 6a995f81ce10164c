namespace Byre.Cli.QemuIo.Commands;

/// <summary>"length": the size of the virtual disk.</summary>
internal sealed class LengthCommand : IoCommand
{
    public override string Name => "length";

    public override string Alias => "l";

    public override string Summary => "gets the length of the current file";

    public override ValueTask<bool> RunAsync(IoSession session, string[] words)
    {
        session.Output.WriteLine(TransferSize.Format(session.Image.LengthBytes));
        return new ValueTask<bool>(true);
    }
}
