using System.Runtime.InteropServices;

namespace Byre.Simulation.Workloads;

/// <summary>
/// Sector contents that tell who wrote them and where: a tag of eight bytes, repeated. Tag 0 is zeroes. Stateless.
/// </summary>
public static class SectorTag
{
    /// <summary>What a tag is when a sector is not one tag all over.</summary>
    public const ulong Mixed = ulong.MaxValue;

    private const ulong BackingWriter = 0xBACC;

    public static ulong Of(int writer, int sector) => ((ulong)(writer + 1) << 32) | ((ulong)sector << 8) | 0xA5;

    public static ulong OfBacking(int sector) => (BackingWriter << 32) | ((ulong)sector << 8) | 0x5A;

    /// <summary>Fills bytes with tags, a sector each.</summary>
    public static byte[] ToBytes(ReadOnlySpan<ulong> tags)
    {
        byte[] bytes = new byte[tags.Length * Devices.SimulatedDevice.SectorBytes];
        for (int i = 0; i < tags.Length; i++)
            Words(bytes, i).Fill(tags[i]);
        return bytes;
    }

    /// <summary>The tag of a sector; <see cref="Mixed"/> where it has none.</summary>
    public static ulong Read(Span<byte> bytes, int sector)
    {
        ReadOnlySpan<ulong> words = Words(bytes, sector);
        return words.ContainsAnyExcept(words[0]) ? Mixed : words[0];
    }

    private static Span<ulong> Words(Span<byte> bytes, int sector) => MemoryMarshal.Cast<byte, ulong>(
        bytes.Slice(sector * Devices.SimulatedDevice.SectorBytes, Devices.SimulatedDevice.SectorBytes));
}
