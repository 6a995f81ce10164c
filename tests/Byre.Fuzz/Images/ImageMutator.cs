using Byre.Fuzz.Engine;
using Byre.Qcow2.Layout;

namespace Byre.Fuzz.Images;

/// <summary>
/// Damages an image where it hurts: each call makes one change, chosen by the random numbers alone. Not thread-safe.
/// </summary>
internal sealed class ImageMutator
{
    private const int MaxSpliceBytes = 1 << 16;

    private readonly FuzzRandom _random;
    private readonly SparseImage _image;
    private readonly ImageMap _map;
    private readonly ValueMutator _values;

    public ImageMutator(FuzzRandom random, SparseImage image, ImageMap map)
    {
        _random = random;
        _image = image;
        _map = map;
        _values = new ValueMutator(random, image, map);
    }

    private long ClusterSize => 1L << _map.ClusterBits;

    /// <summary>Makes one change.</summary>
    public void MutateOnce()
    {
        switch (_random.Next(24))
        {
            case 0 or 1 or 2:
                ChangeField(_map.Header);
                break;
            case 3 or 4:
                ChangeField(_map.Extensions);
                break;
            case 5 or 6:
                ChangeField(_map.Snapshots.Count > 0 ? _map.Snapshots : _map.Header);
                break;
            case 7 or 8:
                ChangeField(_map.Bitmaps.Count > 0 ? _map.Bitmaps : _map.Extensions);
                break;
            case 9:
                AddExtension();
                break;
            case 10:
                ChangeLength();
                break;
            case 11:
                AddNoise();
                break;
            case 12:
                CopyWithin();
                break;
            case 13:
                Splice();
                break;
            case 14:
                Wipe();
                break;
            case 15 or 16:
                DamageCompressed();
                break;
            default:
                ChangeEntry();
                break;
        }
    }

    private void ChangeField(IReadOnlyList<ImageField> fields)
    {
        if (fields.Count > 0)
            Change(_random.Pick(fields));
    }

    private void Change(ImageField field)
    {
        int width = Math.Min(field.WidthBytes, 8);
        ulong old = _image.ReadBigEndian(field.Offset, width);
        _image.WriteBigEndian(field.Offset, width, _values.Next(field.Kind, old));
    }

    private void ChangeEntry()
    {
        ImageTable table = _random.Pick(_map.Tables);
        if (table.EntryCount == 0)
            return;
        int index = table.Used.Length > 0 && !_random.OneIn(4)
            ? _random.Pick(table.Used)
            : (int)_random.NextSkewed(table.EntryCount);
        ImageField field = table[index];
        if (field.WidthBytes == 16 && _random.OneIn(2))
            field = new ImageField(FieldKind.SubclusterBitmap, field.Offset + 8, 8);
        Change(field);
    }

    private void AddExtension()
    {
        ReadOnlySpan<uint> types =
        [
            HeaderExtension.BackingFormat, HeaderExtension.FeatureTable, HeaderExtension.CryptoHeader,
            HeaderExtension.Bitmaps, HeaderExtension.DataFile, 0xdead_beef,
        ];
        long place = _map.ExtensionsEnd;
        int length = (int)_random.NextSkewed(200);
        byte[] content = new byte[length];
        if (_random.OneIn(2))
            _random.Fill(content);
        _image.WriteBigEndian(place, 4, _random.Pick(types));
        _image.WriteBigEndian(place + 4, 4, _random.OneIn(4) ? _values.Next(FieldKind.Size, 0) : (ulong)length);
        _image.Write(place + 8, content);
        for (int i = 0; i + 8 <= length && i < 24; i += 8)
            _image.WriteBigEndian(place + 8 + i, 8, _values.Place(0));
    }

    private void ChangeLength()
    {
        long length = _image.LengthBytes;
        _image.SetLength(_random.Next(8) switch
        {
            0 => _random.NextLong(length + 1),
            1 => _random.NextLong(length + 1) & -512,
            2 or 3 => _random.NextLong(length + 1) & -ClusterSize,
            4 => length + _random.Next(1024),
            5 => length + (ClusterSize * _random.Next(64)),
            6 => length + _random.NextSkewed(1L << 28),
            _ => length + _random.NextSkewed(1L << 40),
        });
    }

    private void AddNoise()
    {
        long start = PickPlace();
        for (int i = _random.Next(16); i >= 0; i--)
        {
            long place = start + _random.Next(256);
            _image.WriteBigEndian(place, 1, _random.OneIn(2)
                ? _random.Next64() & 0xff
                : _image.ReadBigEndian(place, 1) ^ (1UL << _random.Next(8)));
        }
    }

    private void CopyWithin()
    {
        byte[] bytes = new byte[_random.Pick<int>([8, 16, 64, 512, (int)Math.Min(ClusterSize, MaxSpliceBytes)])];
        _image.Read(PickPlace() & -bytes.Length, bytes);
        _image.Write(PickPlace() & -bytes.Length, bytes);
    }

    private void Splice()
    {
        SeedImage other = _random.Pick(SeedImages.All);
        byte[] bytes = new byte[_random.Pick<int>([112, 512, 4096, MaxSpliceBytes])];
        long place = _random.OneIn(3) ? 0 : PickPlace() & -512;
        other.Image.Read(_random.OneIn(2) ? place : _random.NextLong(other.Image.LengthBytes) & -512, bytes);
        _image.Write(place, bytes);
    }

    private void Wipe()
    {
        byte[] bytes = new byte[_random.Pick<int>([8, 512, (int)Math.Min(ClusterSize, MaxSpliceBytes)])];
        Array.Fill(bytes, _random.Pick<byte>([0, 0, 0xff, 0x80]));
        _image.Write(PickPlace() & -bytes.Length, bytes);
    }

    private void DamageCompressed()
    {
        if (_map.Compressed.Count == 0)
        {
            ChangeEntry();
            return;
        }

        (long offset, int length) = _random.Pick(_map.Compressed);
        for (int i = _random.Next(6); i >= 0; i--)
        {
            long place = offset + _random.NextSkewed(length);
            _image.WriteBigEndian(place, 1, _image.ReadBigEndian(place, 1) ^ (1UL << _random.Next(8)));
        }
    }

    /// <summary>Somewhere in the file, at a structure rather than not.</summary>
    private long PickPlace()
    {
        if (_random.OneIn(2))
            return _random.NextLong(_image.LengthBytes + 1);
        ImageTable table = _random.Pick(_map.Tables);
        return table.Offset + ((long)_random.Next(Math.Max(1, table.EntryCount)) * table.EntryBytes);
    }
}
