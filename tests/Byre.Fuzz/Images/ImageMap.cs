using Byre.Qcow2.Layout;

namespace Byre.Fuzz.Images;

/// <summary>
/// Where the structures of a sound image lie. Made once per seed image; a mutation may then have moved them. Immutable.
/// </summary>
internal sealed class ImageMap
{
    private const ulong OffsetMask = 0x00ff_ffff_ffff_fe00;
    private const ulong CompressedFlag = 1UL << 62;

    private static readonly (FieldKind Kind, int Offset, int Width)[] HeaderFields =
    [
        (FieldKind.Number, 0, 4), (FieldKind.Number, 4, 4), (FieldKind.Offset, 8, 8), (FieldKind.Size, 16, 4),
        (FieldKind.Size, 20, 4), (FieldKind.Size, 24, 8), (FieldKind.Number, 32, 4), (FieldKind.Size, 36, 4),
        (FieldKind.Offset, 40, 8), (FieldKind.Offset, 48, 8), (FieldKind.Size, 56, 4), (FieldKind.Size, 60, 4),
        (FieldKind.Offset, 64, 8), (FieldKind.Flags, 72, 8), (FieldKind.Flags, 80, 8), (FieldKind.Flags, 88, 8),
        (FieldKind.Size, 96, 4), (FieldKind.Size, 100, 4), (FieldKind.Number, 104, 1),
    ];

    private readonly SparseImage _image;
    private readonly List<ImageField> _extensions = [];
    private readonly List<ImageField> _snapshots = [];
    private readonly List<ImageField> _bitmaps = [];
    private readonly List<ImageTable> _tables = [];
    private readonly List<(long Offset, int Length)> _compressed = [];

    public ImageMap(SparseImage image)
    {
        _image = image;
        Header = [.. HeaderFields.Select(field => new ImageField(field.Kind, field.Offset, field.Width))];
        ClusterBits = (int)Read(20, 4);
        Geometry geometry = CreateGeometry();
        ReadExtensions(geometry);
        ReadL1((long)Read(40, 8), (int)Read(36, 4), geometry);
        ReadRefcounts(geometry);
        ReadSnapshots(geometry);
    }

    public int ClusterBits { get; }

    public IReadOnlyList<ImageField> Header { get; }

    /// <summary>Types, lengths and contents of header extensions.</summary>
    public IReadOnlyList<ImageField> Extensions => _extensions;

    /// <summary>Where the list of extensions ends.</summary>
    public long ExtensionsEnd { get; private set; }

    public IReadOnlyList<ImageField> Snapshots => _snapshots;

    /// <summary>The bitmap directory.</summary>
    public IReadOnlyList<ImageField> Bitmaps => _bitmaps;

    public IReadOnlyList<ImageTable> Tables => _tables;

    /// <summary>Compressed data in the file.</summary>
    public IReadOnlyList<(long Offset, int Length)> Compressed => _compressed;

    private ulong Read(long offset, int width) => _image.ReadBigEndian(offset, width);

    private Geometry CreateGeometry()
    {
        bool isVersion3 = Read(4, 4) == 3;
        return new Geometry(ClusterBits, isVersion3 ? (int)Read(96, 4) : 4, isVersion3 && (Read(72, 8) & 16) != 0);
    }

    private void ReadExtensions(Geometry geometry)
    {
        long position = Read(4, 4) == 3 ? (long)Read(100, 4) : 72;
        while (position + 8 <= geometry.ClusterSize)
        {
            uint type = (uint)Read(position, 4);
            long length = (long)Read(position + 4, 4);
            _extensions.Add(new ImageField(FieldKind.ExtensionType, position, 4));
            _extensions.Add(new ImageField(FieldKind.Size, position + 4, 4));
            if (type == HeaderExtension.End)
                break;
            for (long i = 0; i < Math.Min(length, 24); i += 8)
                _extensions.Add(new ImageField(i == 0 ? FieldKind.Number : FieldKind.Offset, position + 8 + i, 8));
            if (type == HeaderExtension.Bitmaps)
                ReadBitmaps((int)Read(position + 8, 4), (long)Read(position + 24, 8));
            position += 8 + ((length + 7) & ~7L);
        }

        ExtensionsEnd = position;
    }

    private void ReadBitmaps(int count, long position)
    {
        for (int i = 0; i < count; i++)
        {
            long table = (long)Read(position, 8);
            int entries = (int)Read(position + 8, 4);
            int[] widths = [8, 4, 4, 1, 1, 2, 4];
            FieldKind[] kinds =
            [
                FieldKind.Offset, FieldKind.Size, FieldKind.Flags, FieldKind.Number, FieldKind.Size, FieldKind.Size,
                FieldKind.Size,
            ];
            AddFields(_bitmaps, position, kinds, widths);
            AddTable(FieldKind.Pointer, table, 8, entries);
            position += (24 + (long)Read(position + 20, 4) + (long)Read(position + 18, 2) + 7) & ~7L;
        }
    }

    private void ReadSnapshots(Geometry geometry)
    {
        long position = (long)Read(64, 8);
        int[] widths = [8, 4, 2, 2, 4, 4, 8, 4, 4, 8, 8];
        FieldKind[] kinds =
        [
            FieldKind.Offset, FieldKind.Size, FieldKind.Size, FieldKind.Size, FieldKind.Number, FieldKind.Number,
            FieldKind.Number, FieldKind.Size, FieldKind.Size, FieldKind.Size, FieldKind.Size,
        ];
        for (int i = 0; i < (int)Read(60, 4); i++)
        {
            AddFields(_snapshots, position, kinds, widths);
            ReadL1((long)Read(position, 8), (int)Read(position + 8, 4), geometry);
            long names = (long)Read(position + 12, 2) + (long)Read(position + 14, 2);
            position += (40 + (long)Read(position + 36, 4) + names + 7) & ~7L;
        }
    }

    private void ReadL1(long offset, int entries, Geometry geometry)
    {
        AddTable(FieldKind.Pointer, offset, 8, entries);
        for (int i = 0; i < entries; i++)
        {
            long l2 = (long)(Read(offset + (8L * i), 8) & OffsetMask);
            if (l2 == 0 || _tables.Exists(table => table.Offset == l2))
                continue;
            int entryBytes = geometry.HasSubclusters ? 16 : 8;
            ImageTable found = AddTable(FieldKind.L2Entry, l2, entryBytes, geometry.ClusterSize / entryBytes);
            foreach (int index in found.Used)
                NoteCompressed(Read(found[index].Offset, 8));
        }
    }

    private void NoteCompressed(ulong entry)
    {
        if ((entry & CompressedFlag) == 0)
            return;
        int offsetBits = 62 - (ClusterBits - 8);
        long offset = (long)(entry & ((1UL << offsetBits) - 1));
        int sectors = (int)((entry & (CompressedFlag - 1)) >> offsetBits) + 1;
        _compressed.Add((offset, (sectors * 512) - (int)(offset & 511)));
    }

    private void ReadRefcounts(Geometry geometry)
    {
        long offset = (long)Read(48, 8);
        ImageTable table = AddTable(FieldKind.Pointer, offset, 8, (int)Read(56, 4) << (ClusterBits - 3));
        int width = Math.Max(1, (1 << geometry.RefcountOrder) / 8);
        foreach (int index in table.Used)
            AddTable(FieldKind.Refcount, (long)Read(table[index].Offset, 8), width, geometry.ClusterSize / width);
    }

    private static void AddFields(List<ImageField> fields, long position, FieldKind[] kinds, int[] widths)
    {
        for (int i = 0; i < widths.Length; i++)
        {
            fields.Add(new ImageField(kinds[i], position, widths[i]));
            position += widths[i];
        }
    }

    private ImageTable AddTable(FieldKind kind, long offset, int entryBytes, int entries)
    {
        var used = new List<int>();
        for (int i = 0; i < entries; i++)
        {
            long place = offset + ((long)i * entryBytes);
            bool isUsed = Read(place, Math.Min(entryBytes, 8)) != 0;
            if (isUsed || (entryBytes > 8 && Read(place + 8, 8) != 0))
                used.Add(i);
        }

        var table = new ImageTable(kind, offset, entryBytes, entries, [.. used]);
        _tables.Add(table);
        return table;
    }
}
