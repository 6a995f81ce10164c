namespace Byre.Block.Buffers;

/// <summary>
/// Tells whether memory is all zero bytes, by vector instructions, stopping at the first byte that is not. Stateless.
/// </summary>
public static class ZeroDetector
{
    /// <summary>True where every byte of <paramref name="bytes"/> is zero; true for none.</summary>
    public static bool IsZero(ReadOnlySpan<byte> bytes)
    {
        // Most data that is not zero shows it in its first bytes: look there before the vector loop starts.
        if (bytes.Length >= 8 && System.Buffers.Binary.BinaryPrimitives.ReadUInt64LittleEndian(bytes) != 0)
            return false;
        return bytes.IndexOfAnyExcept((byte)0) < 0;
    }

    /// <summary>True where every byte of <paramref name="vector"/> is zero.</summary>
    public static bool IsZero(in IoVector vector)
    {
        foreach (Memory<byte> segment in vector)
        {
            if (!IsZero(segment.Span))
                return false;
        }

        return true;
    }
}
