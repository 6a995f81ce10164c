using System.Buffers.Binary;

namespace Byre.Conformance.Tests.Counts;

/// <summary>
/// Where the metadata of an image lies, read from the finished image by its own words: header, L1 and L2 tables,
/// refcount table and blocks. It shares no code with the engine. Immutable.
/// </summary>
internal sealed class MetadataMap
{
    private const ulong OffsetMask = 0x00ff_ffff_ffff_fe00;

    private readonly List<(long Start, long End, MetadataKind Kind)> _ranges = [];

    public MetadataMap(string path)
    {
        byte[] image = File.ReadAllBytes(path);
        long clusterBytes = 1L << (int)U32(image, 20);
        long l1Entries = U32(image, 36);
        long l1 = U64(image, 40);
        long table = U64(image, 48);
        long tableBytes = U32(image, 56) * clusterBytes;
        _ranges.Add((0, clusterBytes, MetadataKind.Other));
        _ranges.Add((l1, l1 + (l1Entries * 8), MetadataKind.Other));
        _ranges.Add((table, table + tableBytes, MetadataKind.Other));
        AddTables(image, l1, l1Entries, clusterBytes, MetadataKind.L2);
        AddTables(image, table, tableBytes / 8, clusterBytes, MetadataKind.Refcount);
    }

    /// <summary>What lies at <paramref name="offset"/>.</summary>
    public MetadataKind KindOf(long offset)
    {
        foreach ((long start, long end, MetadataKind kind) in _ranges)
        {
            if (offset >= start && offset < end)
                return kind;
        }

        return MetadataKind.None;
    }

    private static uint U32(byte[] image, long at) => BinaryPrimitives.ReadUInt32BigEndian(image.AsSpan((int)at));

    private static long U64(byte[] image, long at) =>
        (long)(BinaryPrimitives.ReadUInt64BigEndian(image.AsSpan((int)at)) & OffsetMask);

    private void AddTables(byte[] image, long at, long count, long clusterBytes, MetadataKind kind)
    {
        for (long i = 0; i < count; i++)
        {
            long offset = U64(image, at + (i * 8));
            if (offset != 0)
                _ranges.Add((offset, offset + clusterBytes, kind));
        }
    }
}
