using System.Buffers.Binary;

namespace Byre.Fuzz.Images;

/// <summary>
/// The bytes of an image file, kept where they are not zero. A copy shares pages with its original until one of them
/// writes. Not thread-safe.
/// </summary>
internal sealed class SparseImage
{
    public const int PageBytes = 1 << PageBits;

    private const int PageBits = 12;

    private readonly Dictionary<long, Page> _pages;

    public SparseImage(long lengthBytes = 0)
    {
        _pages = [];
        LengthBytes = lengthBytes;
    }

    private SparseImage(SparseImage original)
    {
        _pages = new Dictionary<long, Page>(original._pages);
        LengthBytes = original.LengthBytes;
    }

    public long LengthBytes { get; private set; }

    /// <summary>Pages that exist.</summary>
    public int PageCount => _pages.Count;

    /// <summary>Pages that this image has made: what it cost.</summary>
    public int PagesMade { get; private set; }

    /// <summary>Indices of the pages that exist, in order.</summary>
    public IEnumerable<long> PageIndices => _pages.Keys.Order();

    /// <summary>A copy that changes by itself. The original must not be written to any more.</summary>
    public SparseImage Copy() => new(this);

    public void Read(long offset, Span<byte> destination)
    {
        while (!destination.IsEmpty)
        {
            int inPage = (int)(offset & (PageBytes - 1));
            Span<byte> part = destination[..Math.Min(destination.Length, PageBytes - inPage)];
            if (_pages.TryGetValue(offset >> PageBits, out Page page))
                page.Bytes.AsSpan(inPage, part.Length).CopyTo(part);
            else
                part.Clear();
            destination = destination[part.Length..];
            offset += part.Length;
        }
    }

    /// <summary>Writes; the image grows where that goes beyond its end.</summary>
    public void Write(long offset, ReadOnlySpan<byte> source)
    {
        LengthBytes = Math.Max(LengthBytes, offset + source.Length);
        while (!source.IsEmpty)
        {
            int inPage = (int)(offset & (PageBytes - 1));
            ReadOnlySpan<byte> part = source[..Math.Min(source.Length, PageBytes - inPage)];
            long index = offset >> PageBits;
            if (_pages.ContainsKey(index) || part.ContainsAnyExcept((byte)0))
                part.CopyTo(OwnPage(index).AsSpan(inPage));
            source = source[part.Length..];
            offset += part.Length;
        }
    }

    /// <summary>Makes a range read as zeroes; the length stays.</summary>
    public void Clear(long offset, long count)
    {
        if (count <= 0)
            return;
        long end = offset + count;
        long first = offset >> PageBits;
        long last = (end - 1) >> PageBits;
        IEnumerable<long> touched = last - first < _pages.Count
            ? Enumerable.Range(0, (int)(last - first + 1)).Select(i => first + i)
            : _pages.Keys.Where(index => index >= first && index <= last);
        foreach (long index in touched.ToArray())
        {
            if (!_pages.ContainsKey(index))
                continue;
            long start = Math.Max(offset, index << PageBits);
            long stop = Math.Min(end, (index + 1) << PageBits);
            if (stop - start == PageBytes)
                _pages.Remove(index);
            else
                OwnPage(index).AsSpan((int)(start & (PageBytes - 1)), (int)(stop - start)).Clear();
        }
    }

    public void SetLength(long lengthBytes)
    {
        if (lengthBytes < LengthBytes)
            Clear(lengthBytes, LengthBytes - lengthBytes);
        LengthBytes = lengthBytes;
    }

    public ulong ReadBigEndian(long offset, int widthBytes)
    {
        Span<byte> bytes = stackalloc byte[8];
        bytes.Clear();
        Read(offset, bytes[(8 - widthBytes)..]);
        return BinaryPrimitives.ReadUInt64BigEndian(bytes);
    }

    public void WriteBigEndian(long offset, int widthBytes, ulong value)
    {
        Span<byte> bytes = stackalloc byte[8];
        BinaryPrimitives.WriteUInt64BigEndian(bytes, value);
        Write(offset, bytes[(8 - widthBytes)..]);
    }

    public bool HasData(long offset) => _pages.ContainsKey(offset >> PageBits);

    /// <summary>Where the run of pages that exist, or do not, ends that <paramref name="offset"/> lies in.</summary>
    public long EndOfRun(long offset)
    {
        long index = offset >> PageBits;
        if (_pages.ContainsKey(index))
        {
            while (_pages.ContainsKey(index))
                index++;
            return index << PageBits;
        }

        long next = long.MaxValue >> PageBits;
        foreach (long other in _pages.Keys)
        {
            if (other > index)
                next = Math.Min(next, other);
        }

        return next << PageBits;
    }

    /// <summary>True where both hold the same bytes and are as long.</summary>
    public bool ContentEquals(SparseImage other) =>
        LengthBytes == other.LengthBytes && Covers(other) && other.Covers(this);

    private bool Covers(SparseImage other)
    {
        foreach ((long index, Page page) in _pages)
        {
            bool same = other._pages.TryGetValue(index, out Page its)
                ? ReferenceEquals(page.Bytes, its.Bytes) || page.Bytes.AsSpan().SequenceEqual(its.Bytes)
                : !page.Bytes.AsSpan().ContainsAnyExcept((byte)0);
            if (!same)
                return false;
        }

        return true;
    }

    private byte[] OwnPage(long index)
    {
        if (_pages.TryGetValue(index, out Page page) && page.Owner == this)
            return page.Bytes;
        byte[] bytes = new byte[PageBytes];
        page.Bytes?.CopyTo(bytes, 0);
        _pages[index] = new Page(bytes, this);
        PagesMade++;
        return bytes;
    }

    private readonly record struct Page(byte[] Bytes, SparseImage Owner);
}
