using System.Buffers.Binary;
using Byre.Block.Errors;

namespace Byre.Qcow2.Layout;

/// <summary>
/// Reads and writes reference counts of 1 to 64 bits in a big-endian refcount block. Source: specification, "Refcount
/// block": counts narrower than a byte fill a byte from its least significant bits. Stateless.
/// </summary>
public static class RefcountCodec
{
    /// <summary>The count at <paramref name="index"/> of <paramref name="block"/>.</summary>
    public static ulong Get(ReadOnlySpan<byte> block, int index, int refcountOrder)
    {
        switch (refcountOrder)
        {
            case 0:
            case 1:
            case 2:
                int bits = 1 << refcountOrder;
                int bit = index << refcountOrder;
                return (ulong)(block[bit >> 3] >> (bit & 7)) & ((1UL << bits) - 1);
            case 3:
                return block[index];
            case 4:
                return BinaryPrimitives.ReadUInt16BigEndian(block[(index * 2)..]);
            case 5:
                return BinaryPrimitives.ReadUInt32BigEndian(block[(index * 4)..]);
            default:
                return BinaryPrimitives.ReadUInt64BigEndian(block[(index * 8)..]);
        }
    }

    /// <summary>Sets the count at <paramref name="index"/>; the value must fit the width.</summary>
    public static void Set(Span<byte> block, int index, int refcountOrder, ulong value)
    {
        Invariant.That(refcountOrder == 6 || value >> (1 << refcountOrder) == 0);
        switch (refcountOrder)
        {
            case 0:
            case 1:
            case 2:
                int bits = 1 << refcountOrder;
                int bit = index << refcountOrder;
                int mask = ((1 << bits) - 1) << (bit & 7);
                block[bit >> 3] = (byte)((block[bit >> 3] & ~mask) | (int)(value << (bit & 7)));
                break;
            case 3:
                block[index] = (byte)value;
                break;
            case 4:
                BinaryPrimitives.WriteUInt16BigEndian(block[(index * 2)..], (ushort)value);
                break;
            case 5:
                BinaryPrimitives.WriteUInt32BigEndian(block[(index * 4)..], (uint)value);
                break;
            default:
                BinaryPrimitives.WriteUInt64BigEndian(block[(index * 8)..], value);
                break;
        }
    }

    /// <summary>Entries in a block or slice of <paramref name="blockBytes"/> bytes.</summary>
    public static int EntryCount(int blockBytes, int refcountOrder) => (int)(((long)blockBytes * 8) >> refcountOrder);
}
