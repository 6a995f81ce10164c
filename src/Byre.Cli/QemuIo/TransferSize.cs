using System.Globalization;

namespace Byre.Cli.QemuIo;

/// <summary>Sizes as the exerciser prints them: at most three decimals, none where they are zero. Stateless.</summary>
internal static class TransferSize
{
    private static readonly string[] Units = [" KiB", " MiB", " GiB", " TiB", " PiB", " EiB"];

    /// <summary>"64 KiB", "63.992 KiB", "8 bytes"; fractions of a byte have six decimals, as in the peer.</summary>
    public static string Format(double bytes)
    {
        if (double.IsNaN(bytes) || double.IsInfinity(bytes))
            return double.IsNaN(bytes) ? "-nan bytes" : "inf EiB";
        if (bytes < 1024)
            return Trim(bytes.ToString("F6", CultureInfo.InvariantCulture), " bytes");

        int unit = -1;
        while (bytes >= 1024 && unit < Units.Length - 1)
        {
            bytes /= 1024;
            unit++;
        }

        return Trim(bytes.ToString("F3", CultureInfo.InvariantCulture), Units[unit]);
    }

    private static string Trim(string number, string unit)
    {
        int zeroes = number.IndexOf(".000", StringComparison.Ordinal);
        return (zeroes < 0 ? number : number[..zeroes]) + unit;
    }
}
