using System.Buffers.Binary;

namespace Byre.Nbd.Protocol;

/// <summary>
/// The headers of answers, big-endian:
/// <code>
/// simple      magic 4 | error 4 | cookie 8
/// structured  magic 4 | flags 2 | type 2 | cookie 8 | payload length 4
/// extended    magic 4 | flags 2 | type 2 | cookie 8 | offset 8 | payload length 8
/// </code>
/// </summary>
internal static class ReplyHeader
{
    public const int SimpleBytes = 16;
    public const int StructuredBytes = 20;
    public const int ExtendedBytes = 32;

    /// <summary>The flag of an answer's last chunk.</summary>
    public const ushort DoneFlag = 1;

    /// <summary>Writes a simple reply's header; returns its bytes.</summary>
    public static int WriteSimple(Span<byte> bytes, uint error, ulong cookie)
    {
        BinaryPrimitives.WriteUInt32BigEndian(bytes, NbdMagic.SimpleReply);
        BinaryPrimitives.WriteUInt32BigEndian(bytes[4..], error);
        BinaryPrimitives.WriteUInt64BigEndian(bytes[8..], cookie);
        return SimpleBytes;
    }

    /// <summary>Bytes of a chunk's header in <paramref name="mode"/>.</summary>
    public static int ChunkBytes(NbdMode mode) => mode >= NbdMode.Extended ? ExtendedBytes : StructuredBytes;

    /// <summary>Writes a chunk's header; returns its bytes.</summary>
    public static int WriteChunk(
        Span<byte> bytes, NbdMode mode, in RequestHeader request, ReplyCode type, bool isLast, long payloadBytes)
    {
        bool extended = mode >= NbdMode.Extended;
        BinaryPrimitives.WriteUInt32BigEndian(bytes, extended ? NbdMagic.ExtendedReply : NbdMagic.StructuredReply);
        BinaryPrimitives.WriteUInt16BigEndian(bytes[4..], isLast ? DoneFlag : (ushort)0);
        BinaryPrimitives.WriteUInt16BigEndian(bytes[6..], (ushort)type);
        BinaryPrimitives.WriteUInt64BigEndian(bytes[8..], request.Cookie);
        if (!extended)
        {
            BinaryPrimitives.WriteUInt32BigEndian(bytes[16..], checked((uint)payloadBytes));
            return StructuredBytes;
        }

        BinaryPrimitives.WriteUInt64BigEndian(bytes[16..], request.Offset);
        BinaryPrimitives.WriteUInt64BigEndian(bytes[24..], (ulong)payloadBytes);
        return ExtendedBytes;
    }
}
