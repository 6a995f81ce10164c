using System.Globalization;
using Byre.Cli.Shared;

namespace Byre.Cli.QemuImg;

/// <summary><c>map --output=json</c>: an array with one object a line. Not thread-safe.</summary>
internal sealed class JsonMapWriter(StandardOutput output) : IMapWriter
{
    public void Begin() => output.Write("["u8);

    public MapEntry? Write(in MapEntry entry, MapEntry? next)
    {
        output.Write(string.Create(
            CultureInfo.InvariantCulture,
            $"{{ \"start\": {entry.Start}, \"length\": {entry.Length}, \"depth\": {entry.Depth}, "
            + $"\"present\": {Word(entry.IsPresent)}, \"zero\": {Word(entry.IsZero)}, "
            + $"\"data\": {Word(entry.IsData)}, \"compressed\": {Word(entry.IsCompressed)}"));
        if (entry.HostOffset is { } offset)
            output.Write(string.Create(CultureInfo.InvariantCulture, $", \"offset\": {offset}"));
        output.Write(next is null ? "}"u8 : "},\n"u8);
        return next;
    }

    public void End() => output.Write("]\n"u8);

    private static string Word(bool value) => value ? "true" : "false";
}
