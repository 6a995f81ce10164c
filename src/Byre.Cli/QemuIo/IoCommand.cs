namespace Byre.Cli.QemuIo;

/// <summary>
/// One command of the exerciser: its entry in the help and what it does. Stateless; one instance serves all calls.
/// </summary>
internal abstract class IoCommand
{
    /// <summary>The value of <see cref="MaximumArguments"/> where any number will do.</summary>
    protected const int AnyNumber = -1;

    public abstract string Name { get; }

    /// <summary>A short second name; null for none.</summary>
    public virtual string? Alias => null;

    /// <summary>The arguments as the help shows them; null where the help shows nothing (not even a blank).</summary>
    public virtual string? Arguments => null;

    /// <summary>One line of help.</summary>
    public abstract string Summary { get; }

    /// <summary>What "help NAME" prints after the line; null for nothing more.</summary>
    public virtual string? Help => null;

    public virtual int MinimumArguments => 0;

    public virtual int MaximumArguments => 0;

    /// <summary>True where the command makes no sense without an open image.</summary>
    public virtual bool NeedsImage => true;

    /// <summary>True where the image has to be writable.</summary>
    public virtual bool Writes => false;

    /// <summary>The usage line.</summary>
    public string Usage => Arguments is null ? $"{Name} -- {Summary}" : $"{Name} {Arguments} -- {Summary}";

    /// <summary>Carries the command out.</summary>
    /// <param name="session">The exerciser's state.</param>
    /// <param name="words">The command line split into words, the command's name first.</param>
    /// <returns>False where it failed, which decides the program's exit status.</returns>
    /// <exception cref="CommandException">The arguments make no sense.</exception>
    public abstract ValueTask<bool> RunAsync(IoSession session, string[] words);
}
