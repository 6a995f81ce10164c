using System.Globalization;
using System.Text;

namespace Byre.Cli.QemuIo;

/// <summary>The lines that tell how a transfer went, and the dump of what was read. Stateless.</summary>
internal static class TransferReport
{
    private const int DumpWidth = 16;

    /// <summary>The statistics of one request.</summary>
    /// <param name="verb">"read", "wrote" or "discard".</param>
    /// <param name="offset">Where the request began.</param>
    /// <param name="bytes">Its length.</param>
    /// <param name="elapsed">How long it took.</param>
    /// <param name="machineReadable">One line with commas instead of two lines for people.</param>
    public static string Format(string verb, long offset, long bytes, TimeSpan elapsed, bool machineReadable)
    {
        double bytesPerSecond = bytes / elapsed.TotalSeconds;
        double operationsPerSecond = 1 / elapsed.TotalSeconds;
        if (machineReadable)
            return $"{bytes},1,{LongTime(elapsed)},{Fixed(bytesPerSecond, "F3")},{Fixed(operationsPerSecond, "F3")}\n";

        string time = elapsed.TotalSeconds >= 1
            ? LongTime(elapsed)
            : elapsed.TotalSeconds.ToString("00.00", CultureInfo.InvariantCulture) + " sec";
        return $"{verb} {bytes}/{bytes} bytes at offset {offset}\n" +
            $"{TransferSize.Format(bytes)}, 1 ops; {time} ({TransferSize.Format(bytesPerSecond)}/sec and " +
            $"{Fixed(operationsPerSecond, "F4")} ops/sec)\n";
    }

    /// <summary>Bytes in hexadecimal and as text, 16 in a line, each line with its offset.</summary>
    public static string Dump(ReadOnlySpan<byte> bytes, long offset)
    {
        var text = new StringBuilder(bytes.Length * 5);
        for (; !bytes.IsEmpty; offset += DumpWidth)
        {
            ReadOnlySpan<byte> line = bytes[..Math.Min(DumpWidth, bytes.Length)];
            text.Append(CultureInfo.InvariantCulture, $"{offset:x8}:  ");
            foreach (byte value in line)
                text.Append(CultureInfo.InvariantCulture, $"{value:x2} ");
            text.Append(' ');
            foreach (byte value in line)
                text.Append(char.IsAsciiLetterOrDigit((char)value) ? (char)value : '.');
            text.Append('\n');
            bytes = bytes[line.Length..];
        }

        return text.ToString();
    }

    private static string LongTime(TimeSpan elapsed)
    {
        double seconds = elapsed.TotalSeconds - (60 * Math.Floor(elapsed.TotalMinutes));
        string fraction = seconds.ToString("00.00", CultureInfo.InvariantCulture);
        return $"{(int)elapsed.TotalHours}:{elapsed.Minutes:D2}:{fraction}";
    }

    private static string Fixed(double value, string format) =>
        double.IsInfinity(value) ? "inf" : value.ToString(format, CultureInfo.InvariantCulture);
}
