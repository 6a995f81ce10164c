using System.Globalization;
using Byre.Block.Errors;
using Byre.Cli.Shared;

namespace Byre.Cli.QemuImg;

/// <summary><c>map --output=human</c>: a table of what is data, and in which file. Not thread-safe.</summary>
internal sealed class HumanMapWriter(StandardOutput output) : IMapWriter
{
    public void Begin() => output.WriteLine($"{"Offset",-16}{"Length",-16}{"Mapped to",-16}File");

    /// <exception cref="BlockException">Data that lies nowhere as it is: the table has no form for it.</exception>
    public MapEntry? Write(in MapEntry entry, MapEntry? next)
    {
        if (entry is { IsData: true, HostOffset: null })
            throw BlockException.Invalid("File contains external, encrypted or compressed clusters.");
        if (entry is { IsData: true, IsZero: false })
        {
            output.WriteLine(
                $"{Hexadecimal(entry.Start),-16}{Hexadecimal(entry.Length),-16}" +
                $"{Hexadecimal(entry.HostOffset ?? 0),-16}{entry.FileName}");
        }

        // The table does not tell holes, zeroes and allocated zeroes apart: made equal they merge.
        return next is { } following && (!following.IsData || following.IsZero)
            ? following with { IsData = false, IsZero = true }
            : next;
    }

    public void End()
    {
    }

    private static string Hexadecimal(long value) =>
        value == 0 ? "0" : "0x" + value.ToString("x", CultureInfo.InvariantCulture);
}
