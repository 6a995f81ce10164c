using System.Buffers.Binary;

namespace Byre.Qcow2.Layout;

/// <summary>Tables of 64-bit entries, big-endian in the file. Stateless.</summary>
internal static class TableCodec
{
    public static ulong[] Decode(ReadOnlySpan<byte> bigEndian)
    {
        var entries = new ulong[bigEndian.Length / Geometry.TableEntryBytes];
        for (int i = 0; i < entries.Length; i++)
            entries[i] = BinaryPrimitives.ReadUInt64BigEndian(bigEndian[(i * Geometry.TableEntryBytes)..]);
        return entries;
    }

    /// <summary>Encodes into memory of the caller's, 8 bytes an entry.</summary>
    public static void Encode(ReadOnlySpan<ulong> entries, Span<byte> bigEndian)
    {
        for (int i = 0; i < entries.Length; i++)
            BinaryPrimitives.WriteUInt64BigEndian(bigEndian[(i * Geometry.TableEntryBytes)..], entries[i]);
    }

    public static byte[] Encode(ReadOnlySpan<ulong> entries)
    {
        byte[] bytes = new byte[entries.Length * Geometry.TableEntryBytes];
        Encode(entries, bytes);
        return bytes;
    }
}
