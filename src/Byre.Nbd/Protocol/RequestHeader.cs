using System.Buffers.Binary;

namespace Byre.Nbd.Protocol;

/// <summary>
/// The header of a request, compact (28 bytes) or extended (32 bytes), both big-endian:
/// <code>
/// magic 4 | flags 2 | command 2 | cookie 8 | offset 8 | length 4 or 8
/// </code>
/// </summary>
/// <param name="Command">What to do.</param>
/// <param name="Flags">How.</param>
/// <param name="Cookie">What the answer is told by; the client's own.</param>
/// <param name="Offset">First byte of the range. As it was received: any value.</param>
/// <param name="Length">Bytes of the range, or of the payload with <see cref="CommandFlags.PayloadLength"/>.</param>
internal readonly record struct RequestHeader(
    CommandCode Command, CommandFlags Flags, ulong Cookie, ulong Offset, ulong Length)
{
    public const int CompactBytes = 28;
    public const int ExtendedBytes = 32;

    /// <summary>The bytes of a header in <paramref name="mode"/>.</summary>
    public static int SizeBytes(NbdMode mode) => mode >= NbdMode.Extended ? ExtendedBytes : CompactBytes;

    public static uint MagicOf(NbdMode mode) => mode >= NbdMode.Extended ? NbdMagic.ExtendedRequest : NbdMagic.Request;

    /// <summary>Reads a header whose magic is right.</summary>
    public static RequestHeader Read(ReadOnlySpan<byte> bytes, NbdMode mode) => new(
        (CommandCode)BinaryPrimitives.ReadUInt16BigEndian(bytes[6..]),
        (CommandFlags)BinaryPrimitives.ReadUInt16BigEndian(bytes[4..]),
        BinaryPrimitives.ReadUInt64BigEndian(bytes[8..]),
        BinaryPrimitives.ReadUInt64BigEndian(bytes[16..]),
        mode >= NbdMode.Extended
            ? BinaryPrimitives.ReadUInt64BigEndian(bytes[24..])
            : BinaryPrimitives.ReadUInt32BigEndian(bytes[24..]));

    /// <summary>Writes the header; returns its bytes.</summary>
    public int Write(Span<byte> bytes, NbdMode mode)
    {
        BinaryPrimitives.WriteUInt32BigEndian(bytes, MagicOf(mode));
        BinaryPrimitives.WriteUInt16BigEndian(bytes[4..], (ushort)Flags);
        BinaryPrimitives.WriteUInt16BigEndian(bytes[6..], (ushort)Command);
        BinaryPrimitives.WriteUInt64BigEndian(bytes[8..], Cookie);
        BinaryPrimitives.WriteUInt64BigEndian(bytes[16..], Offset);
        if (mode >= NbdMode.Extended)
            BinaryPrimitives.WriteUInt64BigEndian(bytes[24..], Length);
        else
            BinaryPrimitives.WriteUInt32BigEndian(bytes[24..], checked((uint)Length));
        return SizeBytes(mode);
    }
}
