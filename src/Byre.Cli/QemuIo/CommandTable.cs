using Byre.Cli.QemuIo.Commands;

namespace Byre.Cli.QemuIo;

/// <summary>All commands, sorted by name.</summary>
internal static class CommandTable
{
    public static IReadOnlyList<IoCommand> All { get; } =
    [
        new AbortCommand(),
        new AioFlushCommand(),
        new AioReadCommand(),
        new AioWriteCommand(),
        new AllocCommand(),
        new BreakCommand(),
        new CloseCommand(),
        new DiscardCommand(),
        new FlushCommand(),
        new HelpCommand(),
        new InfoCommand(),
        new LengthCommand(),
        new MapCommand(),
        new OpenCommand(),
        new QuitCommand(),
        new ReadCommand(),
        new ReadvCommand(),
        new RemoveBreakCommand(),
        new ReopenCommand(),
        new ResumeCommand(),
        new SigraiseCommand(),
        new SleepCommand(),
        new TruncateCommand(),
        new WaitBreakCommand(),
        new WriteCommand(),
        new WritevCommand(),
        new ZoneCommand("append", "zap", "append write a number of bytes at a specified offset"),
        new ZoneCommand("close", "zc", "close a range of zones in zone block device"),
        new ZoneCommand("finish", "zf", "finish a range of zones in zone block device"),
        new ZoneCommand("open", "zo", "explicit open a range of zones in zone block device"),
        new ZoneCommand("report", "zrp", "report zone information"),
        new ZoneCommand("reset", "zrs", "reset a zone write pointer in zone block device"),
    ];

    /// <summary>The command of that name or alias; null for none.</summary>
    public static IoCommand? Find(string name)
    {
        foreach (IoCommand command in All)
        {
            if (command.Name == name || command.Alias == name)
                return command;
        }

        return null;
    }
}
