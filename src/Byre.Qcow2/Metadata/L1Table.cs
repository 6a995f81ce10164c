using Byre.Block.Buffers;
using Byre.Block.Errors;
using Byre.Qcow2.Layout;

namespace Byre.Qcow2.Metadata;

/// <summary>
/// The active L1 table, in memory as far as the file has it. Changes are noted by chunks and written by the flush,
/// after what they point to is stable. Every member is called under the metadata lock.
/// </summary>
internal sealed class L1Table
{
    private const int ChunkEntries = 64;

    private readonly SortedSet<int> _dirtyChunks = [];
    private ulong[] _entries;

    /// <param name="offset">Where the table lies.</param>
    /// <param name="entryCount">Its entries.</param>
    /// <param name="bigEndian">What the file has of it; entries behind that are zero, and cost no memory.</param>
    public L1Table(HostOffset offset, int entryCount, ReadOnlySpan<byte> bigEndian)
    {
        Offset = offset;
        EntryCount = entryCount;
        _entries = TableCodec.Decode(bigEndian);
    }

    /// <summary>Where the table lies.</summary>
    public HostOffset Offset { get; private set; }

    public int EntryCount { get; private set; }

    public bool IsDirty => _dirtyChunks.Count > 0;

    public L1Entry this[long index]
    {
        get
        {
            Invariant.That((ulong)index < (ulong)EntryCount);
            return index < _entries.Length ? new L1Entry(_entries[index]) : default;
        }
    }

    /// <summary>Changes an entry; it reaches the file with the next flush.</summary>
    public void Set(in MetadataScope scope, long index, L1Entry entry)
    {
        _ = scope;
        if (this[index].Raw == entry.Raw)
            return;
        if (index >= _entries.Length)
            Array.Resize(ref _entries, EntryCount);
        _entries[index] = entry.Raw;
        _dirtyChunks.Add((int)(index / ChunkEntries));
    }

    /// <summary>Takes over a copy of the table that has been written elsewhere. Nothing may be dirty.</summary>
    public void Replace(in MetadataScope scope, HostOffset offset, ulong[] entries)
    {
        _ = scope;
        Invariant.That(!IsDirty);
        Offset = offset;
        EntryCount = entries.Length;
        _entries = entries;
    }

    /// <summary>A copy of all entries.</summary>
    public ulong[] Copy()
    {
        ulong[] copy = new ulong[EntryCount];
        _entries.CopyTo(copy, 0);
        return copy;
    }

    /// <summary>Copies the changed parts out for writing and marks them clean.</summary>
    public List<L1Write> TakeDirty(in MetadataScope scope)
    {
        _ = scope;
        var writes = new List<L1Write>(_dirtyChunks.Count);
        foreach (int chunk in _dirtyChunks)
        {
            int first = chunk * ChunkEntries;
            int count = Math.Min(ChunkEntries, _entries.Length - first);
            IoBuffer copy = IoBufferPool.Shared.Rent(count * Geometry.TableEntryBytes);
            TableCodec.Encode(_entries.AsSpan(first, count), copy.Span);
            writes.Add(new L1Write(chunk, Offset + ((long)first * Geometry.TableEntryBytes), copy));
        }

        _dirtyChunks.Clear();
        return writes;
    }

    /// <summary>Ends a write; after a failure the part is dirty again.</summary>
    public void EndWrite(in MetadataScope scope, L1Write write, bool success)
    {
        _ = scope;
        write.Copy.Return();
        if (!success)
            _dirtyChunks.Add(write.Chunk);
    }
}
