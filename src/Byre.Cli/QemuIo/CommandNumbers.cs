using Byre.Block.Graph;

namespace Byre.Cli.QemuIo;

/// <summary>
/// The numbers in commands: offsets, lengths, pattern bytes. Stateless; complaints are
/// <see cref="CommandException"/>s.
/// </summary>
internal static class CommandNumbers
{
    /// <summary>The largest request of the peer's block layer: the largest multiple of a sector below 2^31.</summary>
    public const long MaxRequestBytes = int.MaxValue & ~(SectorBytes - 1L);

    public const int SectorBytes = 512;

    /// <summary>An offset or length with an optional suffix.</summary>
    public static long ParseSize(string text) => SizeText.TryParse(text) switch
    {
        null => throw CommandException.Output(
            $"Parsing error: non-numeric argument, or extraneous/unrecognized suffix -- {text}"),
        long.MinValue => throw CommandException.Output($"Parsing error: argument too large -- {text}"),
        long value => value,
    };

    /// <summary>A byte in decimal, 0x or octal notation.</summary>
    public static byte ParsePattern(string text) =>
        TryParseInteger(text) is >= 0 and <= byte.MaxValue and long value
            ? (byte)value
            : throw CommandException.Output($"{text} is not a valid pattern byte");

    /// <summary>An integer by the rules of strtol with base 0; null where the text is none or too large.</summary>
    public static long? TryParseInteger(string text)
    {
        ReadOnlySpan<char> digits = text.AsSpan().TrimStart();
        bool negative = digits.StartsWith("-");
        if (negative || digits.StartsWith("+"))
            digits = digits[1..];

        int radix = digits.StartsWith("0x", StringComparison.OrdinalIgnoreCase) ? 16
            : digits.Length > 1 && digits[0] == '0' ? 8
            : 10;
        digits = radix switch { 16 => digits[2..], 8 => digits[1..], _ => digits };

        long value = 0;
        foreach (char digit in digits)
        {
            if (!char.IsAsciiHexDigit(digit))
                return null;
            int weight = Convert.ToInt32(digit.ToString(), 16);
            if (weight >= radix || value > (long.MaxValue - weight) / radix)
                return null;
            value = (value * radix) + weight;
        }

        return digits.IsEmpty ? null : negative ? -value : value;
    }

    /// <summary>Complains of a request larger than <see cref="MaxRequestBytes"/>.</summary>
    /// <param name="bytes">The request's length.</param>
    /// <param name="text">The length as it was given.</param>
    /// <param name="hint">What the message says about exceptions: "" or " without -n".</param>
    public static void CheckRequestLength(long bytes, string text, string hint = "")
    {
        if (bytes > MaxRequestBytes)
            throw CommandException.Output($"length cannot exceed {MaxRequestBytes}{hint}, given {text}");
    }

    /// <summary>Complains of a value that is no multiple of a sector.</summary>
    public static void CheckSectorAligned(long value, string name)
    {
        if (value % SectorBytes != 0)
            throw CommandException.Output($"{value} is not a sector-aligned value for '{name}'");
    }
}
