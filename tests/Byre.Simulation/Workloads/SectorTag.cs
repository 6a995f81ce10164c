using System.Runtime.InteropServices;

namespace Byre.Simulation.Workloads;

/// <summary>
/// Sector contents that tell who wrote them and where: a tag of eight bytes, and multiples of it. Tag 0 is zeroes.
/// Every second word looks random, so that compressed data fills host clusters and reaches over their borders.
/// Stateless.
/// </summary>
public static class SectorTag
{
    /// <summary>What a tag is when a sector is not one tag all over.</summary>
    public const ulong Mixed = ulong.MaxValue;

    private const ulong BackingWriter = 0xBACC;

    private const int WordsPerSector = Devices.SimulatedDevice.SectorBytes / sizeof(ulong);

    private static readonly ulong[] s_factors = [.. Enumerable.Range(0, WordsPerSector).Select(
        static i => i % 2 == 0 ? 1 : unchecked((ulong)(i + 1) * 0x9E37_79B9_7F4A_7C15) | 1)];

    public static ulong Of(int writer, int sector) => ((ulong)(writer + 1) << 32) | ((ulong)sector << 8) | 0xA5;

    public static ulong OfBacking(int sector) => (BackingWriter << 32) | ((ulong)sector << 8) | 0x5A;

    /// <summary>Fills bytes with tags, a sector each.</summary>
    public static byte[] ToBytes(ReadOnlySpan<ulong> tags)
    {
        byte[] bytes = new byte[tags.Length * Devices.SimulatedDevice.SectorBytes];
        for (int i = 0; i < tags.Length; i++)
        {
            Span<ulong> words = Words(bytes, i);
            for (int j = 0; j < words.Length; j++)
                words[j] = unchecked(tags[i] * s_factors[j]);
        }

        return bytes;
    }

    /// <summary>The tag of a sector; <see cref="Mixed"/> where it has none.</summary>
    public static ulong Read(Span<byte> bytes, int sector)
    {
        ReadOnlySpan<ulong> words = Words(bytes, sector);
        ulong tag = words[0];
        ulong difference = 0;
        for (int i = 0; i < words.Length; i++)
            difference |= words[i] ^ unchecked(tag * s_factors[i]);
        return difference != 0 ? Mixed : tag;
    }

    private static Span<ulong> Words(Span<byte> bytes, int sector) => MemoryMarshal.Cast<byte, ulong>(
        bytes.Slice(sector * Devices.SimulatedDevice.SectorBytes, Devices.SimulatedDevice.SectorBytes));
}
