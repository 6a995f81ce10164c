using System.Buffers.Text;
using Byre.Block.Errors;
using Byre.Cli.Shared;

namespace Byre.Cli.QemuImg;

/// <summary><c>map --output=json</c>: an array with one object a line. Not thread-safe.</summary>
internal sealed class JsonMapWriter(StandardOutput output) : IMapWriter
{
    /// <summary>Longer than any line: the names, and four numbers of at most 20 digits.</summary>
    private const int MaxLineBytes = 256;

    public void Begin() => output.Write("["u8);

    // A fragmented image has a million lines: each is put together in place, as bytes.
    public MapEntry? Write(in MapEntry entry, MapEntry? next)
    {
        Span<byte> line = stackalloc byte[MaxLineBytes];
        int length = 0;
        Append(line, ref length, "{ \"start\": "u8, entry.Start);
        Append(line, ref length, ", \"length\": "u8, entry.Length);
        Append(line, ref length, ", \"depth\": "u8, entry.Depth);
        Append(line, ref length, ", \"present\": "u8, entry.IsPresent);
        Append(line, ref length, ", \"zero\": "u8, entry.IsZero);
        Append(line, ref length, ", \"data\": "u8, entry.IsData);
        Append(line, ref length, ", \"compressed\": "u8, entry.IsCompressed);
        if (entry.HostOffset is { } offset)
            Append(line, ref length, ", \"offset\": "u8, offset);
        Append(line, ref length, next is null ? "}"u8 : "},\n"u8);
        output.Write(line[..length]);
        return next;
    }

    public void End() => output.Write("]\n"u8);

    private static void Append(Span<byte> line, ref int length, ReadOnlySpan<byte> text)
    {
        text.CopyTo(line[length..]);
        length += text.Length;
    }

    private static void Append(Span<byte> line, ref int length, ReadOnlySpan<byte> name, long value)
    {
        Append(line, ref length, name);
        Invariant.That(Utf8Formatter.TryFormat(value, line[length..], out int digits));
        length += digits;
    }

    private static void Append(Span<byte> line, ref int length, ReadOnlySpan<byte> name, bool value)
    {
        Append(line, ref length, name);
        Append(line, ref length, value ? "true"u8 : "false"u8);
    }
}
