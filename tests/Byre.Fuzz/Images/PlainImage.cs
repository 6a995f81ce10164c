using System.Buffers.Binary;
using Byre.Qcow2.Layout;

namespace Byre.Fuzz.Images;

/// <summary>
/// Tells images whose structures are their own from those in which a crafted table shares its place with something
/// else, or counts what is not there: a check may find both clean, but only the first kind stays clean when it is
/// written to. Stateless.
/// </summary>
internal static class PlainImage
{
    private const int MaxClusters = 1 << 16;

    /// <summary>
    /// True where every cluster of the header and of the tables has one reference, and none is counted behind the end
    /// of the file. The image is one that a check found clean.
    /// </summary>
    public static bool Is(SparseImage image)
    {
        int bits = (int)image.ReadBigEndian(20, 4);
        int order = image.ReadBigEndian(4, 4) == 3 ? (int)image.ReadBigEndian(96, 4) : 4;
        long clusters = (image.LengthBytes + (1L << bits) - 1) >> bits;
        if (clusters > MaxClusters)
            return false;
        long table = Read(image, 48, 8);
        long tableBytes = Read(image, 56, 4) << bits;
        var counts = new Counts(image, table, tableBytes, bits, order);
        return counts.IsOne(0, 1) && counts.IsOne(table, tableBytes) && counts.AreBlocksPlain(clusters)
            && counts.IsOne(Read(image, 40, 8), Read(image, 36, 4) * 8)
            && IsMappingPlain(image, bits) && AreSnapshotsPlain(image, counts)
            && AreExtensionsPlain(image, bits, counts);
    }

    private static long Read(SparseImage image, long offset, int width) => (long)image.ReadBigEndian(offset, width);

    /// <summary>
    /// True where no two places of the disk have one cluster, and none lies behind its end, where no resize frees it.
    /// </summary>
    private static bool IsMappingPlain(SparseImage image, int bits)
    {
        bool isExtended = Read(image, 4, 4) == 3 && (Read(image, 72, 8) & (long)IncompatibleFeatures.ExtendedL2) != 0;
        int entryBytes = isExtended ? 16 : 8;
        var clusters = new HashSet<long>();
        byte[] table = new byte[1 << bits];
        long start = Read(image, 40, 8);
        long diskClusters = (Read(image, 24, 8) + (1L << bits) - 1) >> bits;
        for (long i = 0; i < Read(image, 36, 4); i++)
        {
            long place = start + (i * 8);
            long l2 = Read(image, place, 8) & (long)L2Entry.OffsetMask;
            if (l2 == 0)
                continue;
            if (!clusters.Add(l2))
                return false;
            image.Read(l2, table);
            for (int at = 0; at < table.Length; at += entryBytes)
            {
                ulong entry = BinaryPrimitives.ReadUInt64BigEndian(table.AsSpan(at));
                if (entry != 0 && (i * table.Length / entryBytes) + (at / entryBytes) >= diskClusters)
                    return false;
                long offset = (long)(entry & L2Entry.OffsetMask);
                if ((entry & L2Entry.CompressedFlag) == 0 && offset != 0 && !clusters.Add(offset))
                    return false;
            }
        }

        return true;
    }

    private static bool AreSnapshotsPlain(SparseImage image, Counts counts)
    {
        long start = Read(image, 64, 8);
        long position = start;
        for (long left = Read(image, 60, 4); left > 0; left--)
        {
            if (!counts.IsOne(Read(image, position, 8), Read(image, position + 8, 4) * 8))
                return false;
            long names = Read(image, position + 12, 2) + Read(image, position + 14, 2);
            position += (40 + Read(image, position + 36, 4) + names + 7) & ~7L;
        }

        return counts.IsOne(start, position - start);
    }

    private static bool AreExtensionsPlain(SparseImage image, int bits, Counts counts)
    {
        long position = Read(image, 4, 4) == 3 ? Read(image, 100, 4) : 72;
        while (position + 8 <= 1L << bits)
        {
            uint type = (uint)Read(image, position, 4);
            long length = Read(image, position + 4, 4);
            if (type == HeaderExtension.End)
                break;
            if (type == HeaderExtension.CryptoHeader &&
                !counts.IsOne(Read(image, position + 8, 8), Read(image, position + 16, 8)))
                return false;
            if (type == HeaderExtension.Bitmaps && !AreBitmapsPlain(image, position, counts))
                return false;
            position += 8 + ((length + 7) & ~7L);
        }

        return true;
    }

    private static bool AreBitmapsPlain(SparseImage image, long extension, Counts counts)
    {
        long place = Read(image, extension + 24, 8);
        if (!counts.IsOne(place, Read(image, extension + 16, 8)))
            return false;
        for (long left = Read(image, extension + 8, 4); left > 0; left--)
        {
            if (!counts.IsOne(Read(image, place, 8), Read(image, place + 8, 4) * 8))
                return false;
            place += (24 + Read(image, place + 20, 4) + Read(image, place + 18, 2) + 7) & ~7L;
        }

        return true;
    }

    /// <summary>The reference counts as the file has them.</summary>
    private sealed class Counts(SparseImage image, long table, long tableBytes, int clusterBits, int order)
    {
        private long CountsPerBlock => 8L << clusterBits >> order;

        public bool IsOne(long offset, long lengthBytes)
        {
            if (lengthBytes <= 0)
                return true;
            if (offset < 0 || lengthBytes > (long)MaxClusters << clusterBits)
                return false;
            long last = (offset + lengthBytes - 1) >> clusterBits;
            for (long cluster = offset >> clusterBits; cluster <= last; cluster++)
            {
                if (Get(cluster) != 1)
                    return false;
            }

            return true;
        }

        /// <summary>Blocks are counted once, and count nothing behind the end of the file.</summary>
        public bool AreBlocksPlain(long fileClusters)
        {
            for (long index = 0; index < Math.Min(tableBytes / 8, MaxClusters); index++)
            {
                long block = Block(index);
                if (block == 0)
                    continue;
                if (!IsOne(block, 1))
                    return false;
                long behind = Math.Clamp(fileClusters - (index * CountsPerBlock), 0, CountsPerBlock);
                byte[] content = new byte[1 << clusterBits];
                image.Read(block, content);
                int firstBit = (int)(behind << order);
                bool hasHidden = (firstBit & 7) != 0 && content[firstBit >> 3] >> (firstBit & 7) != 0;
                if (hasHidden || content.AsSpan((firstBit + 7) >> 3).ContainsAnyExcept((byte)0))
                    return false;
            }

            return true;
        }

        private long Block(long index) =>
            index * 8 < tableBytes ? Read(image, table + (index * 8), 8) & ~511L : 0;

        private ulong Get(long cluster)
        {
            long block = Block(cluster / CountsPerBlock);
            if (block <= 0)
                return 0;
            long index = cluster % CountsPerBlock;
            if (order >= 3)
                return image.ReadBigEndian(block + (index << (order - 3)), 1 << (order - 3));
            int inByte = (int)(index << order) & 7;
            return (image.ReadBigEndian(block + (index << order >> 3), 1) >> inByte) & ((1UL << (1 << order)) - 1);
        }
    }
}
