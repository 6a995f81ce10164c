namespace Byre.Cli.QemuIo;

/// <summary>How a <see cref="CommandException"/> is shown.</summary>
internal enum CommandComplaint
{
    /// <summary>On standard output.</summary>
    Output,

    /// <summary>On standard error with the program's name.</summary>
    Error,

    /// <summary>On standard error.</summary>
    PlainError,

    /// <summary>As the command's usage line.</summary>
    Usage,

    /// <summary>On standard error with the command's name, then the usage line.</summary>
    BadOption,
}
