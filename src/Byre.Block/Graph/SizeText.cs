using System.Globalization;
using Byre.Block.Errors;

namespace Byre.Block.Graph;

/// <summary>
/// Sizes and numbers as users write them: decimal or 0x hexadecimal (without a suffix), a decimal fraction before a
/// suffix, suffixes b k K M G T P E in powers of 1024. Stateless.
/// </summary>
public static class SizeText
{
    private static readonly System.Buffers.SearchValues<char> HexDigits =
        System.Buffers.SearchValues.Create("0123456789abcdefABCDEF");

    /// <summary>
    /// Parses a size; returns null where the text is none, and <see cref="long.MinValue"/> where it does not fit 64
    /// bits.
    /// </summary>
    public static long? TryParse(string text, long defaultUnit = 1) => TryParseWide(text, defaultUnit) switch
    {
        null => null,
        { } wide when wide < 0 || wide > long.MaxValue => long.MinValue,
        { } wide => (long)wide,
    };

    /// <summary>The same for all of 64 bits; negative where it does not fit.</summary>
    private static Int128? TryParseWide(string text, long defaultUnit)
    {
        if (text.Length == 0)
            return null;
        if (text.Contains('-', StringComparison.Ordinal))
            return TryParseNegative(text);
        text = text.TrimStart();
        if (text.StartsWith('+'))
            text = text[1..];
        if (text.StartsWith("0x", StringComparison.OrdinalIgnoreCase))
            return TryParseHex(text.AsSpan(2), defaultUnit);

        int digits = 0;
        while (digits < text.Length && (char.IsAsciiDigit(text[digits]) || text[digits] == '.'))
            digits++;
        if (digits == 0)
            return null;
        long? unit = UnitOf(text[digits..], defaultUnit);
        if (unit is null || !decimal.TryParse(
            text[..digits], NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out decimal number))
            return null;
        if (number != Math.Truncate(number) && unit == 1)
            return null;
        return Scale(number, unit.Value);
    }

    /// <summary>Parses the size given for the parameter <paramref name="key"/>.</summary>
    /// <exception cref="BlockException">Not a size, or too large; with the hint that names the suffixes.</exception>
    public static long Parse(string key, string text)
    {
        ulong value = ParseWide(key, text);
        return value <= long.MaxValue ? (long)value : throw OutOfRange(key, text);
    }

    /// <summary>The same for sizes that may have all of 64 bits.</summary>
    /// <exception cref="BlockException">Not a size, or too large; with the hint that names the suffixes.</exception>
    public static ulong ParseWide(string key, string text)
    {
        Int128? value = TryParseWide(text, defaultUnit: 1);
        if (value is null)
        {
            throw new BlockException(
                BlockErrorKind.InvalidArgument, Errno.Invalid,
                $"Parameter '{key}' expects a non-negative number below 2^64")
            {
                Hint = "Optional suffix k, M, G, T, P or E means kilo-, mega-, giga-, tera-, peta-\nand exabytes, " +
                    "respectively.\n",
            };
        }

        return value >= 0 ? (ulong)value.Value : throw OutOfRange(key, text);
    }

    /// <summary>
    /// Parses a plain number (decimal, 0x or octal with a leading 0) given for the parameter <paramref name="key"/>.
    /// </summary>
    public static long ParseNumber(string key, string text)
    {
        bool ok;
        long value;
        if (text.StartsWith("0x", StringComparison.OrdinalIgnoreCase))
            ok = long.TryParse(text.AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out value);
        else
            ok = long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out value);
        return ok ? value : throw BlockException.Invalid($"Parameter '{key}' expects a number");
    }

    /// <summary>
    /// Parses a number of 64 bits without sign given for the parameter <paramref name="key"/>: decimal, 0x or octal
    /// with a leading 0. As in the C library a minus sign gives the value modulo 2^64.
    /// </summary>
    /// <exception cref="BlockException">Not a number, or one that does not fit.</exception>
    public static ulong ParseUnsigned(string key, string text)
    {
        ReadOnlySpan<char> digits = text.AsSpan().TrimStart();
        bool negative = digits.StartsWith("-", StringComparison.Ordinal);
        if (negative || digits.StartsWith("+", StringComparison.Ordinal))
            digits = digits[1..];
        uint numberBase = 10;
        if (digits.StartsWith("0x", StringComparison.OrdinalIgnoreCase))
        {
            numberBase = 16;
            digits = digits[2..];
        }
        else if (digits.StartsWith("0", StringComparison.Ordinal))
        {
            numberBase = 8;
        }

        UInt128 value = 0;
        foreach (char digit in digits)
        {
            uint digitValue = char.IsAsciiHexDigit(digit) ? (uint)Convert.ToInt32(digit.ToString(), 16) : numberBase;
            if (digitValue >= numberBase)
                throw BlockException.Invalid($"Parameter '{key}' expects a number");
            value = (value * numberBase) + digitValue;
            if (value > ulong.MaxValue)
                throw BlockException.Invalid($"Value '{text}' is too large for parameter '{key}'");
        }

        if (digits.IsEmpty)
            throw BlockException.Invalid($"Parameter '{key}' expects a number");
        return negative ? unchecked(0UL - (ulong)value) : (ulong)value;
    }

    /// <summary>A whole negative number is out of range, minus zero is zero, and anything more is no size.</summary>
    private static Int128? TryParseNegative(string text)
    {
        ReadOnlySpan<char> digits = text.AsSpan().TrimStart();
        if (digits.Length < 2 || digits[0] != '-' || digits[1..].ContainsAnyExceptInRange('0', '9'))
            return null;
        return digits[1..].ContainsAnyExcept('0') ? -1 : 0;
    }

    private static Int128? TryParseHex(ReadOnlySpan<char> digits, long defaultUnit)
    {
        // No suffix is possible: 'b' and 'e' are hexadecimal digits, and the peer refuses the others too.
        if (digits.IsEmpty || digits.ContainsAnyExcept(HexDigits))
            return null;
        if (!ulong.TryParse(digits, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out ulong number))
            return -1;
        return Scale(number, defaultUnit);
    }

    private static Int128 Scale(decimal number, long unit)
    {
        // decimal holds 28 digits: number below 2^64 times 2^60 may overflow it.
        if (number > ulong.MaxValue || (double)number * unit >= 1.9e19)
            return -1;
        decimal bytes = Math.Truncate(number * unit);
        return bytes > ulong.MaxValue ? -1 : (Int128)bytes;
    }

    private static BlockException OutOfRange(string key, string text) =>
        BlockException.Invalid($"Value '{text}' is out of range for parameter '{key}'");

    private static long? UnitOf(string suffix, long defaultUnit) => suffix switch
    {
        "" => defaultUnit,
        "b" or "B" => 1,
        "k" or "K" => 1L << 10,
        "m" or "M" => 1L << 20,
        "g" or "G" => 1L << 30,
        "t" or "T" => 1L << 40,
        "p" or "P" => 1L << 50,
        "e" or "E" => 1L << 60,
        _ => null,
    };
}
