using System.Numerics;
using System.Runtime.InteropServices;
using Byre.Qcow2.Layout;

namespace Byre.Qcow2.Check;

/// <summary>Compares reference counts as a refcount block has them with a byte for each cluster. Stateless.</summary>
internal static class RefcountBlockComparer
{
    /// <summary>
    /// Index in <paramref name="expected"/> of the first count that differs from that in <paramref name="block"/>,
    /// whose entry
    /// <paramref name="firstEntry"/> is the counterpart of the first; the length where all are equal.
    /// </summary>
    /// <param name="block">A whole refcount block.</param>
    /// <param name="firstEntry">Index of the first entry to compare.</param>
    /// <param name="expected">Counts below 255: a byte of 255 stands for itself.</param>
    /// <param name="refcountOrder">The width of the entries.</param>
    public static int FindMismatch(
        ReadOnlySpan<byte> block, int firstEntry, ReadOnlySpan<byte> expected, int refcountOrder)
    {
        int equal = refcountOrder switch
        {
            3 => expected.CommonPrefixLength(block[firstEntry..]),
            4 when BitConverter.IsLittleEndian => EqualPrefix16(block[(firstEntry * 2)..], expected),
            _ => 0,
        };
        for (; equal < expected.Length; equal++)
        {
            if (RefcountCodec.Get(block, firstEntry + equal, refcountOrder) != expected[equal])
                break;
        }

        return equal;
    }

    /// <summary>How many counts of 16 bits are equal for sure, in whole vectors.</summary>
    private static int EqualPrefix16(ReadOnlySpan<byte> counts, ReadOnlySpan<byte> expected)
    {
        ReadOnlySpan<Vector<byte>> bytes = MemoryMarshal.Cast<byte, Vector<byte>>(expected);
        ReadOnlySpan<Vector<ushort>> words = MemoryMarshal.Cast<byte, Vector<ushort>>(counts);
        for (int i = 0; i < bytes.Length; i++)
        {
            Vector.Widen(bytes[i], out Vector<ushort> low, out Vector<ushort> high);

            // A small count in big-endian order, read as a little-endian word.
            Vector<ushort> differences = ((low << 8) ^ words[2 * i]) | ((high << 8) ^ words[(2 * i) + 1]);
            if (differences != Vector<ushort>.Zero)
                return i * Vector<byte>.Count;
        }

        return bytes.Length * Vector<byte>.Count;
    }
}
