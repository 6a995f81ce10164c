using System.Numerics;
using Byre.Block.Errors;

namespace Byre.Qcow2.Metadata;

/// <summary>
/// The entries of a slice cache: found by a hash of the offset, ordered by use, free ones in lists. Entries below the
/// capacity are taken before those beyond it. The bookkeeping grows as entries are first used: a large cache that stays
/// empty costs nothing. Not thread-safe: <see cref="SliceCache"/> works on it under the metadata lock.
/// </summary>
internal sealed class SliceIndex
{
    /// <summary>No entry.</summary>
    public const int None = -1;

    private const int FirstEntries = 64;

    private readonly int _capacity;
    private readonly int _sliceBits;
    private SliceEntry[] _entries;
    private int[] _buckets;
    private int _freeHead = None;
    private int _freeOverflowHead = None;

    public SliceIndex(int capacity, int sliceBits)
    {
        _capacity = capacity;
        _sliceBits = sliceBits;
        _entries = new SliceEntry[Math.Min(capacity, FirstEntries)];
        _buckets = NewBuckets(_entries.Length);
    }

    /// <summary>Entries that exist, free ones included; the indices below it are valid.</summary>
    public int Count { get; private set; }

    /// <summary>Entries that hold a slice or load one.</summary>
    public int Used { get; private set; }

    /// <summary>The most recently used entry.</summary>
    public int Newest { get; private set; } = None;

    /// <summary>The least recently used entry.</summary>
    public int Oldest { get; private set; } = None;

    /// <summary>What uses are stamped with; it never decreases from older to newer entries.</summary>
    public int Generation { get; set; }

    public ref SliceEntry this[int index] => ref _entries[index];

    /// <summary>The entry of the slice at <paramref name="offset"/>, in any state but free.</summary>
    public int Find(long offset)
    {
        int index = _buckets[BucketOf(offset)];
        while (index != None && _entries[index].Offset != offset)
            index = _entries[index].Next;
        return index;
    }

    /// <summary>How many entries <see cref="Find"/> compares for <paramref name="offset"/>; for tests.</summary>
    public int CountProbes(long offset)
    {
        int probes = 0;
        for (int index = _buckets[BucketOf(offset)]; index != None; index = _entries[index].Next)
        {
            probes++;
            if (_entries[index].Offset == offset)
                break;
        }

        return probes;
    }

    /// <summary>An entry that is free, a new one where there is none.</summary>
    public int Take()
    {
        if (_freeHead != None)
            return Pop(ref _freeHead);
        if (Count >= _capacity && _freeOverflowHead != None)
            return Pop(ref _freeOverflowHead);
        if (Count == _entries.Length)
        {
            Array.Resize(ref _entries, Count * 2);
            Rehash();
        }

        return Count++;
    }

    /// <summary>Puts a slice into an entry that was taken.</summary>
    public void Insert(int index, long offset, SliceState state)
    {
        ref int bucket = ref _buckets[BucketOf(offset)];
        _entries[index] = new SliceEntry
        {
            Offset = offset, Next = bucket, Older = None, Newer = None, State = state, HasMemory = true,
        };
        bucket = index;
        Used++;
        LinkNewest(index);
    }

    /// <summary>Frees an entry that nobody uses.</summary>
    public void Release(int index)
    {
        ref SliceEntry entry = ref _entries[index];
        Invariant.That(entry.Pins == 0 && !entry.IsDirty && !entry.IsWriting);
        ref int link = ref _buckets[BucketOf(entry.Offset)];
        while (link != index)
            link = ref _entries[link].Next;
        link = entry.Next;
        Unlink(index);
        Used--;
        ref int head = ref index < _capacity ? ref _freeHead : ref _freeOverflowHead;
        entry = new SliceEntry { State = SliceState.Free, Next = head, HasMemory = true };
        head = index;
    }

    /// <summary>Notes a use.</summary>
    public void Touch(int index)
    {
        if (Newest != index)
        {
            Unlink(index);
            LinkNewest(index);
        }

        _entries[index].Generation = Generation;
    }

    private static int[] NewBuckets(int entries)
    {
        int[] buckets = new int[BitOperations.RoundUpToPowerOf2((uint)Math.Max(entries, 8) * 2)];
        Array.Fill(buckets, None);
        return buckets;
    }

    private int Pop(ref int head)
    {
        int index = head;
        head = _entries[index].Next;
        return index;
    }

    private void Rehash()
    {
        _buckets = NewBuckets(_entries.Length);
        for (int index = 0; index < Count; index++)
        {
            if (_entries[index].State == SliceState.Free)
                continue;
            ref int bucket = ref _buckets[BucketOf(_entries[index].Offset)];
            _entries[index].Next = bucket;
            bucket = index;
        }
    }

    private int BucketOf(long offset) =>
        (int)(((ulong)(offset >> _sliceBits) * 0x9E37_79B9_7F4A_7C15UL) >>
            (64 - BitOperations.Log2((uint)_buckets.Length)));

    private void LinkNewest(int index)
    {
        ref SliceEntry entry = ref _entries[index];
        entry.Older = Newest;
        entry.Newer = None;
        entry.Generation = Generation;
        if (Newest != None)
            _entries[Newest].Newer = index;
        Newest = index;
        if (Oldest == None)
            Oldest = index;
    }

    private void Unlink(int index)
    {
        ref SliceEntry entry = ref _entries[index];
        if (entry.Older != None)
            _entries[entry.Older].Newer = entry.Newer;
        else
            Oldest = entry.Newer;
        if (entry.Newer != None)
            _entries[entry.Newer].Older = entry.Older;
        else
            Newest = entry.Older;
    }
}
