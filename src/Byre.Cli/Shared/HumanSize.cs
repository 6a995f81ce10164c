using System.Globalization;

namespace Byre.Cli.Shared;

/// <summary>Sizes and numbers for people, formatted as the C library's printf does. Stateless.</summary>
internal static class HumanSize
{
    private static readonly string[] Prefixes = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];

    /// <summary>
    /// Bytes in three significant digits: "64 MiB", "1.5 KiB", "512 B". The unit changes at 1000, not at 1024, so
    /// that there are never four digits before the point.
    /// </summary>
    public static string Format(ulong bytes)
    {
        int power = 0;
        double scaled = bytes;
        // The comparison is against the exact value: 999.9 KiB stay KiB (and print as 1e+03, as the peer's do).
        while (power < Prefixes.Length - 1 && scaled >= 1000.0)
        {
            scaled /= 1024.0;
            power++;
        }

        return $"{ThreeDigits(scaled)} {Prefixes[power]}B";
    }

    /// <summary>Bytes in three significant digits; negative counts are none.</summary>
    public static string Format(long bytes) => Format((ulong)bytes);

    /// <summary>printf's <c>%.Nf</c>: exact halves go to the even digit.</summary>
    public static string Fixed(double value, int digits) =>
        Math.Round(value, digits, MidpointRounding.ToEven).ToString(
            "F" + digits.ToString(CultureInfo.InvariantCulture), CultureInfo.InvariantCulture);

    /// <summary>printf's <c>%.3g</c> for values from 0 to 1024.</summary>
    private static string ThreeDigits(double value)
    {
        int digits = value switch
        {
            < 0.9995 => 3,
            < 9.995 => 2,
            < 99.95 => 1,
            _ => 0,
        };
        string text = Fixed(value, digits);
        if (text is "1000")
            return "1e+03";
        return digits == 0 ? text : text.TrimEnd('0').TrimEnd('.');
    }
}
