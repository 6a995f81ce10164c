namespace Byre.Cli.Shared;

/// <summary>A long option of a command.</summary>
/// <param name="Name">Without dashes: "output".</param>
/// <param name="Code">What <see cref="GnuOptions.Next"/> returns for it: the short option's letter, or a number from
/// 256.</param>
/// <param name="TakesArgument">The option needs an argument ("--output json" or "--output=json").</param>
internal readonly record struct LongOption(string Name, int Code, bool TakesArgument = false);
