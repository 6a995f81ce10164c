namespace Byre.Cli.QemuIo.Commands;

/// <summary>"help": one line for each command, or all about one.</summary>
internal sealed class HelpCommand : IoCommand
{
    public override string Name => "help";

    public override string Alias => "?";

    public override string Arguments => "[command]";

    public override string Summary => "help for one or all commands";

    public override int MaximumArguments => 1;

    public override bool NeedsImage => false;

    public override ValueTask<bool> RunAsync(IoSession session, string[] words)
    {
        if (words.Length < 2)
        {
            foreach (IoCommand each in CommandTable.All)
                session.Output.WriteLine(each.Usage);
            session.Output.Write("\nUse 'help commandname' for extended help.\n");
            return new ValueTask<bool>(true);
        }

        if (CommandTable.Find(words[1]) is not { } command)
            return new ValueTask<bool>(session.Fail($"command {words[1]} not found"));
        session.Output.WriteLine(string.Concat(words[1], command.Usage.AsSpan(command.Name.Length)));
        session.Output.Write(command.Help ?? "");
        return new ValueTask<bool>(true);
    }
}
