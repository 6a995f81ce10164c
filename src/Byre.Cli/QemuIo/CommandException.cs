namespace Byre.Cli.QemuIo;

/// <summary>
/// A command that cannot be carried out as it was given. The dispatcher prints the message and goes on with the next
/// command.
/// </summary>
internal sealed class CommandException : Exception
{
    private CommandException(string message, CommandComplaint complaint)
        : base(message) => Complaint = complaint;

    /// <summary>Where the message goes.</summary>
    public CommandComplaint Complaint { get; }

    /// <summary>A line on standard output, as most complaints of the peer.</summary>
    public static CommandException Output(string message) => new(message, CommandComplaint.Output);

    /// <summary>A line on standard error, after the program's name.</summary>
    public static CommandException Error(string message) => new(message, CommandComplaint.Error);

    /// <summary>A line on standard error as it is.</summary>
    public static CommandException PlainError(string message) => new(message, CommandComplaint.PlainError);

    /// <summary>The command's usage line.</summary>
    public static CommandException Usage() => new("", CommandComplaint.Usage);

    /// <summary>The C library's complaint about an option on standard error, then the usage line.</summary>
    public static CommandException BadOption(string complaint) => new(complaint, CommandComplaint.BadOption);
}
