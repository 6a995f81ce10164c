using System.Buffers;
using Byre.Block.Buffers;

namespace Byre.Storage.Interop;

/// <summary>
/// The first segments of a vector, pinned until <see cref="Dispose"/>: as many as fit the caller's list. The handles
/// are rented, so that a vectored request allocates nothing of its own.
/// </summary>
internal unsafe ref struct PinnedSegments
{
    private readonly Span<IoSegment> _list;
    private readonly MemoryHandle[] _handles;
    private int _count;

    public PinnedSegments(in IoVector vector, Span<IoSegment> list)
    {
        _list = list;
        _handles = ArrayPool<MemoryHandle>.Shared.Rent(list.Length);
        foreach (Memory<byte> segment in vector)
        {
            if (_count == list.Length)
                break;
            MemoryHandle handle = segment.Pin();
            _handles[_count] = handle;
            list[_count++] = new IoSegment((byte*)handle.Pointer, (nuint)segment.Length);
        }
    }

    public readonly ReadOnlySpan<IoSegment> Segments => _list[.._count];

    /// <summary>True where every address and length is a multiple of <paramref name="alignmentBytes"/>.</summary>
    public readonly bool AreAligned(int alignmentBytes)
    {
        nuint bits = 0;
        foreach (ref readonly IoSegment segment in Segments)
            bits |= (nuint)segment.Start | segment.LengthBytes;
        return (bits & (nuint)(alignmentBytes - 1)) == 0;
    }

    public void Dispose()
    {
        for (int i = 0; i < _count; i++)
            _handles[i].Dispose();
        _count = 0;
        ArrayPool<MemoryHandle>.Shared.Return(_handles, clearArray: true);
    }
}
