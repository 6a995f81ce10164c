namespace Byre.Cli.Shared;

/// <summary>
/// One command of the program ("convert"). Stateless; made only when it was asked for, so that starting one costs
/// nothing for the others.
/// </summary>
internal abstract class Verb
{
    /// <summary>The word on the command line.</summary>
    public abstract string Name { get; }

    /// <summary>Runs the command.</summary>
    /// <param name="arguments">The verb's own name first, then its arguments, as in argv.</param>
    /// <param name="context">The process around it.</param>
    /// <returns>The exit status.</returns>
    /// <exception cref="UsageException">The command line makes no sense; the program prints it and exits with
    /// 1.</exception>
    /// <exception cref="Byre.Block.Errors.BlockException">A failure with its full text; the program prints it and
    /// exits with 1.</exception>
    public abstract ValueTask<int> RunAsync(string[] arguments, ProgramContext context);
}
