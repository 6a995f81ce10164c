using System.Globalization;
using Byre.Block.Errors;
using Byre.Block.Graph;

namespace Byre.Cli.Shared;

/// <summary>Sizes and counts given as operands or option arguments. Stateless.</summary>
internal static class NumberArguments
{
    /// <summary>Reads a size with an optional suffix.</summary>
    /// <param name="context">For the second line of the complaint.</param>
    /// <param name="name">What the number is: "image size".</param>
    /// <param name="text">What was given.</param>
    /// <param name="least">The smallest value allowed.</param>
    /// <param name="most">The largest value allowed.</param>
    /// <exception cref="BlockException">Not a size ("Invalid image size specified. You may use ...") or out of
    /// range.</exception>
    public static long ParseSize(
        ProgramContext context, string name, string text, long least = 0, long most = long.MaxValue)
    {
        if (SizeText.TryParse(text) is not { } value)
        {
            throw new BlockException(
                BlockErrorKind.InvalidArgument,
                Errno.Invalid,
                $"Invalid {name} specified. You may use k, M, G, T, P or E suffixes for")
            {
                Hint = $"{context.ProgramName}: kilobytes, megabytes, gigabytes, terabytes, petabytes and exabytes.\n",
            };
        }

        if (value < least || value > most)
        {
            throw new BlockException(
                BlockErrorKind.InvalidArgument,
                Errno.OutOfRange,
                string.Create(
                    CultureInfo.InvariantCulture, $"Invalid {name} specified. Must be between {least} and {most}."));
        }

        return value;
    }
}
