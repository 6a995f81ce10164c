using Byre.Fuzz.Engine;

namespace Byre.Fuzz.Images;

/// <summary>Finds values worth trying in a field: limits, neighbours, other structures. Not thread-safe.</summary>
internal sealed class ValueMutator(FuzzRandom random, SparseImage image, ImageMap map)
{
    private static readonly uint[] ExtensionTypes =
        [0, 0xe2792aca, 0x6803f857, 0x0537be77, 0x23852875, 0x44415441, 0x12345678];

    private long ClusterSize => 1L << map.ClusterBits;

    public ulong Next(FieldKind kind, ulong old) => kind switch
    {
        _ when random.OneIn(8) => Any(old),
        FieldKind.Size => Size(old),
        FieldKind.Offset => Place(old),
        FieldKind.Flags => Flags(old),
        FieldKind.Pointer => Pointer(old),
        FieldKind.L2Entry => L2Entry(old),
        FieldKind.SubclusterBitmap => Bitmap(old),
        FieldKind.Refcount => Refcount(old),
        FieldKind.ExtensionType => random.Pick(ExtensionTypes),
        _ => Any(old),
    };

    /// <summary>A place in the file or behind it, on a cluster mostly.</summary>
    public ulong Place(ulong old)
    {
        long clusters = Math.Max(1, image.LengthBytes / ClusterSize);
        return random.Next(10) switch
        {
            0 => 0,
            1 => old + (ulong)ClusterSize,
            2 => old - (ulong)ClusterSize,
            3 => old + (ulong)random.Pick<int>([1, 8, 512, 513, -1, -512]),
            4 => (ulong)(image.LengthBytes + (ClusterSize * random.Next(3))),
            5 => 1UL << random.Next(64),
            6 => (1UL << random.Next(64)) - (ulong)ClusterSize,
            7 => (ulong)(random.NextLong(clusters + 2) * ClusterSize) + (ulong)random.Next((int)ClusterSize),
            _ => (ulong)(random.NextLong(clusters + 1) * ClusterSize),
        };
    }

    private ulong Any(ulong old) => random.Next(8) switch
    {
        0 => 0,
        1 => ulong.MaxValue,
        2 => old + 1,
        3 => old - 1,
        4 => old ^ (1UL << random.Next(64)),
        5 => (1UL << random.Next(64)) - (ulong)random.Next(2),
        6 => old << random.Next(8),
        _ => random.Next64() >> random.Next(64),
    };

    private ulong Size(ulong old) => random.Next(9) switch
    {
        0 => old + (ulong)random.Pick<int>([1, -1, 2, 7, 8, -8, 64, 512]),
        1 => old * 2,
        2 => old / 2,
        3 => (1UL << random.Next(34)) + (ulong)random.Pick<int>([0, 1, -1]),
        4 => (ulong)random.Next(64),
        5 => random.Pick<uint>([0x7fff_ffff, 0x8000_0000, 0xffff_ffff, 0xffff, 0x10000, 0x8000, 65535, 1023, 1024]),
        6 => (ulong)(image.LengthBytes / Math.Max(1, random.Next(16))),
        7 => 1UL << (35 + random.Next(29)),
        _ => Any(old),
    };

    private ulong Flags(ulong old) => random.OneIn(4)
        ? Any(old)
        : old ^ (1UL << random.Next(random.OneIn(3) ? 64 : 8));

    private ulong Pointer(ulong old) => random.Next(8) switch
    {
        0 => Other(FieldKind.Pointer),
        1 => old ^ (1UL << 63),
        2 => old ^ (1UL << random.Next(9)),
        3 => Place(old),
        _ => (old & (1UL << 63)) | (Place(old & 0x00ff_ffff_ffff_fe00) & ~(1UL << 63)),
    };

    private ulong L2Entry(ulong old) => random.Next(12) switch
    {
        0 => Other(FieldKind.L2Entry),
        1 => old ^ (1UL << 63),
        2 => old ^ (1UL << 62),
        3 => old ^ 1,
        4 => old ^ (1UL << random.Next(9)),
        5 => (1UL << 62) | (random.Next64() & ((1UL << 62) - 1)),
        6 => (1UL << 62) | ((ulong)random.Next(1 << Math.Max(1, map.ClusterBits - 8)) << (70 - map.ClusterBits))
            | (ulong)random.NextLong(image.LengthBytes + 1),
        7 => Place(old),
        _ => (old & (1UL << 63)) | (Place(old & 0x00ff_ffff_ffff_fe00) & 0x00ff_ffff_ffff_ffff),
    };

    private ulong Bitmap(ulong old) => random.Next(4) switch
    {
        0 => random.Next64(),
        1 => random.Next64() & random.Next64() & 0xffff_ffff,
        2 => old ^ (1UL << random.Next(64)),
        _ => old << 32,
    };

    private ulong Refcount(ulong old) => random.Next(5) switch
    {
        0 => 0,
        1 => old + 1,
        2 => old - 1,
        3 => ulong.MaxValue,
        _ => Any(old),
    };

    /// <summary>What stands in another entry of that kind.</summary>
    private ulong Other(FieldKind kind)
    {
        ImageTable table = random.Pick(map.Tables);
        if (table.Kind != kind || table.Used.Length == 0)
            return 0;
        return image.ReadBigEndian(table[random.Pick(table.Used)].Offset, 8);
    }
}
