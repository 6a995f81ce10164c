using System.Numerics;
using Byre.Block.Buffers;
using Byre.Block.Errors;
using Byre.Block.Threading;
using Byre.Qcow2.Layout;

namespace Byre.Qcow2.Metadata;

/// <summary>
/// A write-back cache of slices (aligned parts) of L2 tables or refcount blocks, as they lie in the file: big-endian.
/// <para>Look-up goes through a hash of the offset. Eviction takes an unused entry first, else the least recently
/// used one that is neither pinned, nor loading, nor dirty, nor being written. Pinned entries may exceed the
/// configured size: the cache then borrows overflow entries.</para>
/// <para>Threading: every member is called under the metadata lock, which the scope argument proves; nothing here does
/// I/O. The content of a pinned entry may be read for I/O outside the lock only while it is loading.</para>
/// </summary>
internal sealed class SliceCache : IDisposable
{
    private const int None = -1;
    private const int OverflowChunk = 64;
    private const int VictimSearchLimit = 64;

    private readonly List<SliceArena> _overflow = [];
    private readonly SliceArena _arena;
    private readonly CompletionScheduler _scheduler;
    private readonly int _capacity;
    private Entry[] _entries;
    private int[] _buckets;
    private int _entryCount;
    private int _freeHead = None;
    private int _newest = None;
    private int _oldest = None;
    private int _used;
    private long _hits;
    private long _misses;
    private long _evictions;
    private long _writeBacks;

    /// <param name="sliceBytes">Power of two from 512 to the cluster size.</param>
    /// <param name="capacity">Slices that are kept.</param>
    /// <param name="scheduler">Where those who waited for a load go on.</param>
    public SliceCache(int sliceBytes, int capacity, CompletionScheduler scheduler)
    {
        _scheduler = scheduler;
        Invariant.That(BitOperations.IsPow2(sliceBytes) && sliceBytes >= 512 && capacity >= 2);
        SliceBytes = sliceBytes;
        SliceBits = BitOperations.Log2((uint)sliceBytes);
        _capacity = capacity;
        _arena = new SliceArena(sliceBytes, capacity);
        // Bookkeeping grows as entries are first used: a large cache that stays empty costs nothing.
        _entries = new Entry[Math.Min(capacity, 64)];
        _buckets = new int[BucketCountFor(_entries.Length)];
        Array.Fill(_buckets, None);
    }

    /// <summary>Bytes of a slice.</summary>
    public int SliceBytes { get; }

    public int SliceBits { get; }

    /// <summary>Slices with changes that are not on the device yet.</summary>
    public int DirtyCount { get; private set; }

    public SliceCacheStatistics Statistics =>
        new(_hits, _misses, _evictions, _writeBacks, _capacity, _used, SliceBytes);

    /// <summary>The slice offset that <paramref name="offset"/> lies in.</summary>
    public HostOffset SliceOf(HostOffset offset) => new(offset.Value & -(long)SliceBytes);

    /// <summary>Finds a ready slice. The index stays valid while the lock is held or the entry is pinned.</summary>
    public bool TryFind(in MetadataScope scope, HostOffset slice, out int index)
    {
        _ = scope;
        index = Find(slice.Value);
        if (index == None || _entries[index].State != SliceState.Ready)
            return false;
        _hits++;
        Touch(index);
        return true;
    }

    /// <summary>The content of a ready or loading slice.</summary>
    public Span<byte> Content(in MetadataScope scope, int index)
    {
        _ = scope;
        Invariant.That(_entries[index].State != SliceState.Free);
        return index < _capacity ? _arena[index] : OverflowArena(index, out int slot)[slot];
    }

    /// <summary>The memory of an entry that this caller is loading.</summary>
    public Memory<byte> LoadingMemory(int index) =>
        index < _capacity ? _arena.GetMemory(index) : OverflowArena(index, out int slot).GetMemory(slot);

    /// <summary>Keeps an entry from being evicted until <see cref="Unpin"/>.</summary>
    public void Pin(in MetadataScope scope, int index)
    {
        _ = scope;
        _entries[index].Pins++;
    }

    public void Unpin(in MetadataScope scope, int index)
    {
        _ = scope;
        Invariant.That(_entries[index].Pins > 0);
        _entries[index].Pins--;
        if (index >= _capacity && IsEvictable(index))
            Release(index);
    }

    /// <summary>
    /// Notes a change of a ready slice. Whoever changes a slice keeps the ordering law by when it lets it be written.
    /// </summary>
    public void MarkDirty(in MetadataScope scope, int index)
    {
        _ = scope;
        ref Entry entry = ref _entries[index];
        Invariant.That(entry.State == SliceState.Ready);
        if (entry.IsDirty)
            return;
        entry.IsDirty = true;
        DirtyCount++;
    }

    /// <summary>
    /// Starts loading a slice that is not there. <see cref="LoadClaim.Mine"/>: the caller reads it into
    /// <see cref="LoadingMemory"/> and calls <see cref="EndLoad"/>; the entry is pinned for the caller.
    /// <see cref="LoadClaim.Wait"/>: await the waiter, then look again. <see cref="LoadClaim.Full"/>: every entry is
    /// dirty: write back, then try again; or, where that failed, borrow an entry beyond the capacity.
    /// <see cref="LoadClaim.Ready"/>: it came meanwhile and is pinned.
    /// </summary>
    public LoadClaim BeginLoad(
        in MetadataScope scope, HostOffset slice, bool mayBorrow, out int index, out Task? waiter)
    {
        waiter = null;
        index = Find(slice.Value);
        if (index != None)
        {
            if (_entries[index].State == SliceState.Ready)
            {
                Pin(scope, index);
                return LoadClaim.Ready;
            }

            var waiting = new TaskCompletionSource(_scheduler.WaiterOptions);
            (_entries[index].Waiters ??= []).Add(waiting);
            waiter = waiting.Task;
            return LoadClaim.Wait;
        }

        index = TakeEntry(mayBorrow);
        if (index == None)
            return LoadClaim.Full;
        _misses++;
        Insert(index, slice.Value);
        _entries[index].State = SliceState.Loading;
        _entries[index].Pins = 1;
        return LoadClaim.Mine;
    }

    /// <summary>
    /// Ends a load. On success the entry is ready and stays pinned for the caller; on failure it is free again.
    /// </summary>
    public void EndLoad(in MetadataScope scope, int index, bool success)
    {
        ref Entry entry = ref _entries[index];
        Invariant.That(entry.State == SliceState.Loading && entry.Pins == 1);
        List<TaskCompletionSource>? waiters = entry.Waiters;
        entry.Waiters = null;
        if (success)
        {
            entry.State = SliceState.Ready;
        }
        else
        {
            entry.Pins = 0;
            Release(index);
        }

        foreach (TaskCompletionSource waiter in waiters ?? [])
            _scheduler.Resume(waiter.SetResult);
        _ = scope;
    }

    /// <summary>Adds a slice whose content is on its way to the device, where there is room for it.</summary>
    public void TryAdd(in MetadataScope scope, HostOffset slice, ReadOnlySpan<byte> content)
    {
        if (Find(slice.Value) != None)
            return;
        int index = TakeEntry(mayBorrow: false);
        if (index == None)
            return;
        Insert(index, slice.Value);
        _entries[index].State = SliceState.Ready;
        content.CopyTo(Content(scope, index));
    }

    /// <summary>
    /// Forgets every slice in [<paramref name="start"/>, +<paramref name="lengthBytes"/>): its table was freed,
    /// nothing may be written back. On a damaged image a cluster that counts as free may hold a table in use.
    /// </summary>
    public void Drop(in MetadataScope scope, HostOffset start, long lengthBytes)
    {
        if (_used == 0)
            return;
        for (long offset = start.Value; offset < start.Value + lengthBytes; offset += SliceBytes)
        {
            int index = Find(offset);
            if (index == None)
                continue;
            if (_entries[index].Pins > 0 || _entries[index].State != SliceState.Ready)
            {
                throw new CorruptionException(
                    $"Preventing invalid reuse of metadata at offset {MetadataText.Hex(offset)}", isFatal: true);
            }

            Clean(index);
            if (_entries[index].IsWriting)
                _entries[index].IsDropped = true;
            else
                Release(index);
        }

        _ = scope;
    }

    /// <summary>Forgets everything that is not pinned; nothing may be dirty.</summary>
    public void DropAll(in MetadataScope scope)
    {
        _ = scope;
        Invariant.That(DirtyCount == 0);
        for (int index = 0; index < _entryCount; index++)
        {
            if (IsEvictable(index))
                Release(index);
        }
    }

    /// <summary>
    /// Copies every dirty slice out for writing and marks it clean and "being written"; offsets come in ascending
    /// order. Each copy ends in <see cref="EndWrite"/>.
    /// </summary>
    public List<SliceWrite> TakeDirty(in MetadataScope scope)
    {
        var writes = new List<SliceWrite>(DirtyCount);
        for (int index = 0; index < _entryCount && DirtyCount > 0; index++)
        {
            ref Entry entry = ref _entries[index];
            if (!entry.IsDirty)
                continue;
            Invariant.That(!entry.IsWriting);
            IoBuffer copy = IoBufferPool.Shared.Rent(SliceBytes);
            Content(scope, index).CopyTo(copy.Span);
            Clean(index);
            entry.IsWriting = true;
            writes.Add(new SliceWrite(index, new HostOffset(entry.Offset), copy));
        }

        writes.Sort(static (left, right) => left.Offset.Value.CompareTo(right.Offset.Value));
        return writes;
    }

    /// <summary>Ends a write-back. After a failure the slice is dirty again, unless it was dropped meanwhile.</summary>
    public void EndWrite(in MetadataScope scope, SliceWrite write, bool success)
    {
        write.Copy.Return();
        ref Entry entry = ref _entries[write.Index];
        Invariant.That(entry.IsWriting && entry.Offset == write.Offset.Value);
        entry.IsWriting = false;
        if (success)
            _writeBacks++;
        else if (!entry.IsDropped)
            MarkDirty(scope, write.Index);
        if ((write.Index >= _capacity || entry.IsDropped) && IsEvictable(write.Index))
            Release(write.Index);
    }

    public void Dispose()
    {
        ((IDisposable)_arena).Dispose();
        foreach (SliceArena arena in _overflow)
            ((IDisposable)arena).Dispose();
    }

    private static int BucketCountFor(int entries) =>
        (int)BitOperations.RoundUpToPowerOf2((uint)Math.Max(entries, 8) * 2);

    private bool IsEvictable(int index)
    {
        ref Entry entry = ref _entries[index];
        return entry is { State: SliceState.Ready, Pins: 0, IsDirty: false, IsWriting: false };
    }

    private SliceArena OverflowArena(int index, out int slot)
    {
        int over = index - _capacity;
        slot = over % OverflowChunk;
        return _overflow[over / OverflowChunk];
    }

    private int TakeEntry(bool mayBorrow)
    {
        if (_freeHead != None)
        {
            int free = _freeHead;
            _freeHead = _entries[free].Next;
            return free;
        }

        if (_entryCount < _capacity)
            return NewEntry();

        int steps = 0;
        bool allPinned = true;
        for (int index = _oldest; index != None && steps < VictimSearchLimit; index = _entries[index].Newer, steps++)
        {
            if (IsEvictable(index))
            {
                _evictions++;
                Release(index);
                return TakeEntry(mayBorrow);
            }

            allPinned &= _entries[index].Pins > 0 || _entries[index].State == SliceState.Loading;
        }

        if (!allPinned && !mayBorrow)
            return None;
        if ((_entryCount - _capacity) % OverflowChunk == 0)
            _overflow.Add(new SliceArena(SliceBytes, OverflowChunk));
        return NewEntry();
    }

    private int NewEntry()
    {
        if (_entryCount == _entries.Length)
        {
            Array.Resize(ref _entries, _entryCount * 2);
            Rehash();
        }

        return _entryCount++;
    }

    private void Rehash()
    {
        _buckets = new int[BucketCountFor(_entries.Length)];
        Array.Fill(_buckets, None);
        for (int index = 0; index < _entryCount; index++)
        {
            if (_entries[index].State == SliceState.Free)
                continue;
            ref int bucket = ref _buckets[BucketOf(_entries[index].Offset)];
            _entries[index].Next = bucket;
            bucket = index;
        }
    }

    private int BucketOf(long offset) =>
        (int)(((ulong)(offset >> SliceBits) * 0x9E37_79B9_7F4A_7C15UL) >> (64 - BitOperations.Log2(
            (uint)_buckets.Length)));

    private int Find(long offset)
    {
        int index = _buckets[BucketOf(offset)];
        while (index != None && _entries[index].Offset != offset)
            index = _entries[index].Next;
        return index;
    }

    private void Insert(int index, long offset)
    {
        ref int bucket = ref _buckets[BucketOf(offset)];
        _entries[index] = new Entry { Offset = offset, Next = bucket, Older = None, Newer = None };
        bucket = index;
        _used++;
        LinkNewest(index);
    }

    private void Release(int index)
    {
        ref Entry entry = ref _entries[index];
        Invariant.That(entry.Pins == 0 && !entry.IsDirty && !entry.IsWriting);
        ref int link = ref _buckets[BucketOf(entry.Offset)];
        while (link != index)
            link = ref _entries[link].Next;
        link = entry.Next;
        Unlink(index);
        _used--;
        entry = new Entry { State = SliceState.Free, Next = _freeHead };
        _freeHead = index;
    }

    private void Clean(int index)
    {
        if (!_entries[index].IsDirty)
            return;
        _entries[index].IsDirty = false;
        DirtyCount--;
    }

    private void Touch(int index)
    {
        if (_newest == index)
            return;
        Unlink(index);
        LinkNewest(index);
    }

    private void LinkNewest(int index)
    {
        _entries[index].Older = _newest;
        _entries[index].Newer = None;
        if (_newest != None)
            _entries[_newest].Newer = index;
        _newest = index;
        if (_oldest == None)
            _oldest = index;
    }

    private void Unlink(int index)
    {
        ref Entry entry = ref _entries[index];
        if (entry.Older != None)
            _entries[entry.Older].Newer = entry.Newer;
        else
            _oldest = entry.Newer;
        if (entry.Newer != None)
            _entries[entry.Newer].Older = entry.Older;
        else
            _newest = entry.Older;
    }

    private struct Entry
    {
        public long Offset;
        public int Next;
        public int Older;
        public int Newer;
        public int Pins;
        public SliceState State;
        public bool IsDirty;
        public bool IsWriting;
        public bool IsDropped;
        public List<TaskCompletionSource>? Waiters;
    }
}
