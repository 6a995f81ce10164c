namespace Byre.Cli.QemuIo;

/// <summary>
/// Finds a command by the first word of a line, checks what its table entry demands, and runs it. Stateless.
/// </summary>
internal static class CommandDispatcher
{
    /// <summary>Runs one line; an empty one does nothing.</summary>
    /// <returns>False where the command failed.</returns>
    public static async ValueTask<bool> RunAsync(IoSession session, string line)
    {
        string[] words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        if (words.Length == 0)
            return true;
        if (CommandTable.Find(words[0]) is not { } command)
        {
            session.Context.Errors.Write($"command \"{words[0]}\" not found\n");
            return false;
        }

        if (!MayRun(session, command, words))
            return false;
        try
        {
            return await command.RunAsync(session, words).ConfigureAwait(false);
        }
        catch (CommandException complaint)
        {
            Show(session, command, words[0], complaint);
            return false;
        }
    }

    private static bool MayRun(IoSession session, IoCommand command, string[] words)
    {
        if (command.NeedsImage && !session.HasImage)
        {
            session.Context.Errors.Write("no file open, try 'help open'\n");
            return false;
        }

        int count = words.Length - 1;
        int maximum = command.MaximumArguments;
        if (count < command.MinimumArguments || (maximum >= 0 && count > maximum))
        {
            string expected = maximum < 0 ? $"at least {command.MinimumArguments} arguments"
                : command.MinimumArguments == maximum ? $"{maximum} arguments"
                : $"between {command.MinimumArguments} and {maximum} arguments";
            session.Context.Errors.Write($"bad argument count {count} to {words[0]}, expected {expected}\n");
            return false;
        }

        if (command.Writes && session.Image.Root.IsReadOnly)
        {
            session.Context.Report("Block node is read-only");
            return false;
        }

        return true;
    }

    private static void Show(IoSession session, IoCommand command, string name, CommandException complaint)
    {
        switch (complaint.Complaint)
        {
            case CommandComplaint.Output:
                session.Output.WriteLine(complaint.Message);
                break;
            case CommandComplaint.Error:
                session.Context.Report(complaint.Message);
                break;
            case CommandComplaint.PlainError:
                session.Context.Errors.Write(complaint.Message + "\n");
                break;
            case CommandComplaint.Usage:
                session.Output.WriteLine(command.Usage);
                break;
            case CommandComplaint.BadOption:
                session.Context.Errors.Write($"{name}: {complaint.Message}\n");
                session.Output.WriteLine(command.Usage);
                break;
        }
    }
}
