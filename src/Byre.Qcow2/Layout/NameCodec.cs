using System.Buffers;
using System.Text;

namespace Byre.Qcow2.Layout;

/// <summary>
/// File names and other texts in an image are bytes without a declared encoding. They become strings as UTF-8; a byte
/// that is not part of valid UTF-8 becomes the lone surrogate U+DC00 + byte, so that writing the string back gives
/// the same bytes. Stateless.
/// </summary>
internal static class NameCodec
{
    private const char EscapeBase = '\uDC00';

    /// <summary>The text of <paramref name="bytes"/> up to the first zero byte.</summary>
    public static string Decode(ReadOnlySpan<byte> bytes)
    {
        int end = bytes.IndexOf((byte)0);
        if (end >= 0)
            bytes = bytes[..end];
        if (bytes.IsEmpty)
            return "";
        var text = new StringBuilder(bytes.Length);
        Span<char> pair = stackalloc char[2];
        while (!bytes.IsEmpty)
        {
            if (Rune.DecodeFromUtf8(bytes, out Rune rune, out int consumed) == OperationStatus.Done)
            {
                text.Append(pair[..rune.EncodeToUtf16(pair)]);
            }
            else
            {
                for (int i = 0; i < consumed; i++)
                    text.Append((char)(EscapeBase + bytes[i]));
            }

            bytes = bytes[consumed..];
        }

        return text.ToString();
    }

    /// <summary>The bytes of <paramref name="text"/>.</summary>
    public static byte[] Encode(string text)
    {
        var bytes = new ArrayBufferWriter<byte>(text.Length + 4);
        ReadOnlySpan<char> rest = text;
        while (!rest.IsEmpty)
        {
            if (Rune.DecodeFromUtf16(rest, out Rune rune, out int consumed) == OperationStatus.Done)
                bytes.Advance(rune.EncodeToUtf8(bytes.GetSpan(4)));
            else if (rest[0] - EscapeBase is >= 0x80 and <= 0xff)
                bytes.Write([(byte)(rest[0] - EscapeBase)]);
            else
                bytes.Advance(Rune.ReplacementChar.EncodeToUtf8(bytes.GetSpan(4)));
            rest = rest[consumed..];
        }

        return bytes.WrittenSpan.ToArray();
    }
}
