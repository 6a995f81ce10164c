using System.Numerics;
using Byre.Block.Buffers;
using Byre.Block.Errors;
using Byre.Block.Threading;
using Byre.Qcow2.Layout;

namespace Byre.Qcow2.Metadata;

/// <summary>
/// A write-back cache of slices (aligned parts) of L2 tables or refcount blocks, as they lie in the file: big-endian.
/// <para>Look-up goes through a hash of the offset. Eviction takes an unused entry first, else the least recently
/// used one that is neither pinned, nor loading, nor dirty, nor being written. Where nothing can be evicted the cache
/// grows beyond its limit, and shrinks again as soon as it can.</para>
/// <para>Threading: every member is called under the metadata lock, which the scope argument proves; nothing here does
/// I/O. The content of a pinned entry may be read for I/O outside the lock only while it is loading.</para>
/// </summary>
internal sealed class SliceCache : IDisposable
{
    private const int None = SliceIndex.None;
    private const int VictimSearchLimit = 64;

    private readonly SliceIndex _index;
    private readonly SliceMemory _memory;
    private readonly CompletionScheduler _scheduler;
    private readonly int _capacity;
    private int _limit;
    private long _hits;
    private long _misses;
    private long _evictions;
    private long _writeBacks;

    /// <param name="sliceBytes">Power of two from 512 to the cluster size.</param>
    /// <param name="capacity">Slices that are kept at most.</param>
    /// <param name="scheduler">Where those who waited for a load go on.</param>
    /// <param name="firstLimit">Slices that are kept until <see cref="SetLimit"/>; 0 for the capacity.</param>
    /// <exception cref="BlockException">There is not that much memory.</exception>
    public SliceCache(int sliceBytes, int capacity, CompletionScheduler scheduler, int firstLimit = 0)
    {
        Invariant.That(BitOperations.IsPow2(sliceBytes) && sliceBytes >= 512 && capacity >= 2);
        _scheduler = scheduler;
        SliceBytes = sliceBytes;
        SliceBits = BitOperations.Log2((uint)sliceBytes);
        _capacity = capacity;
        _limit = firstLimit == 0 ? capacity : firstLimit;
        _memory = new SliceMemory(sliceBytes, capacity);
        _index = new SliceIndex(capacity, SliceBits);
    }

    /// <summary>Bytes of a slice.</summary>
    public int SliceBytes { get; }

    public int SliceBits { get; }

    /// <summary>Slices that there is room for; the limit may be lower.</summary>
    public int CapacitySlices => _capacity;

    /// <summary>Slices with changes that are not on the device yet.</summary>
    public int DirtyCount { get; private set; }

    /// <summary>What it counted. Readable without the lock: each figure by itself is true.</summary>
    public SliceCacheStatistics Statistics =>
        new(_hits, _misses, _evictions, _writeBacks, _limit, _index.Used, SliceBytes);

    /// <summary>The slice offset that <paramref name="offset"/> lies in.</summary>
    public HostOffset SliceOf(HostOffset offset) => new(offset.Value & -(long)SliceBytes);

    /// <summary>Finds a ready slice. The index stays valid while the lock is held or the entry is pinned.</summary>
    public bool TryFind(in MetadataScope scope, HostOffset slice, out int index)
    {
        _ = scope;
        // Nothing but the header lies at offset zero: to ask for a table there is a bug of ours.
        Invariant.That(slice.Value != 0);
        index = _index.Find(slice.Value);
        if (index == None || _index[index].State != SliceState.Ready)
            return false;
        _hits++;
        _index.Touch(index);
        return true;
    }

    /// <summary>The content of a ready or loading slice.</summary>
    public Span<byte> Content(in MetadataScope scope, int index)
    {
        _ = scope;
        Invariant.That(_index[index].State != SliceState.Free);
        return _memory[index];
    }

    /// <summary>The memory of an entry that this caller is loading.</summary>
    public Memory<byte> LoadingMemory(int index) => _memory.MemoryOf(index);

    /// <summary>Keeps an entry from being evicted until <see cref="Unpin"/>.</summary>
    public void Pin(in MetadataScope scope, int index)
    {
        _ = scope;
        _index[index].Pins++;
    }

    public void Unpin(in MetadataScope scope, int index)
    {
        _ = scope;
        Invariant.That(_index[index].Pins > 0);
        _index[index].Pins--;
        ShrinkToLimit();
    }

    /// <summary>
    /// Notes a change of a ready slice. Whoever changes a slice keeps the ordering law by when it lets it be written.
    /// </summary>
    public void MarkDirty(in MetadataScope scope, int index)
    {
        _ = scope;
        ref SliceEntry entry = ref _index[index];
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
    /// dirty: write back, then try again; or, where that failed, borrow an entry beyond the limit.
    /// <see cref="LoadClaim.Ready"/>: it came meanwhile and is pinned.
    /// </summary>
    public LoadClaim BeginLoad(
        in MetadataScope scope, HostOffset slice, bool mayBorrow, out int index, out Task? waiter)
    {
        waiter = null;
        index = _index.Find(slice.Value);
        if (index != None)
        {
            if (_index[index].State == SliceState.Ready)
            {
                Pin(scope, index);
                return LoadClaim.Ready;
            }

            var waiting = new TaskCompletionSource(_scheduler.WaiterOptions);
            (_index[index].Waiters ??= []).Add(waiting);
            waiter = waiting.Task;
            return LoadClaim.Wait;
        }

        index = TakeEntry(mayBorrow);
        if (index == None)
            return LoadClaim.Full;
        _misses++;
        _index.Insert(index, slice.Value, SliceState.Loading);
        _index[index].Pins = 1;
        return LoadClaim.Mine;
    }

    /// <summary>
    /// Ends a load. On success the entry is ready and stays pinned for the caller; on failure it is free again.
    /// </summary>
    public void EndLoad(in MetadataScope scope, int index, bool success)
    {
        _ = scope;
        ref SliceEntry entry = ref _index[index];
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
            _index.Release(index);
        }

        foreach (TaskCompletionSource waiter in waiters ?? [])
            _scheduler.Resume(waiter.SetResult);
    }

    /// <summary>Adds a slice whose content is on its way to the device, where there is room for it.</summary>
    public void TryAdd(in MetadataScope scope, HostOffset slice, ReadOnlySpan<byte> content)
    {
        if (_index.Find(slice.Value) != None)
            return;
        int index = TakeEntry(mayBorrow: false);
        if (index == None)
            return;
        _index.Insert(index, slice.Value, SliceState.Ready);
        content.CopyTo(Content(scope, index));
        ShrinkToLimit();
    }

    /// <summary>
    /// Forgets every slice in [<paramref name="start"/>, +<paramref name="lengthBytes"/>): its table was freed,
    /// nothing may be written back. On a damaged image a cluster that counts as free may hold a table in use.
    /// </summary>
    public void Drop(in MetadataScope scope, HostOffset start, long lengthBytes)
    {
        _ = scope;
        if (_index.Used == 0)
            return;
        for (long offset = start.Value; offset < start.Value + lengthBytes; offset += SliceBytes)
        {
            int index = _index.Find(offset);
            if (index == None)
                continue;
            ref SliceEntry entry = ref _index[index];
            if (entry.Pins > 0 || entry.State != SliceState.Ready)
            {
                throw new CorruptionException(
                    $"Preventing invalid reuse of metadata at offset {MetadataText.Hex(offset)}", isFatal: true);
            }

            Clean(ref entry);
            if (entry.IsWriting)
                entry.IsDropped = true;
            else
                _index.Release(index);
        }
    }

    /// <summary>
    /// Forgets everything that is not pinned, and gives its memory back; nothing may be dirty.
    /// </summary>
    public void DropAll(in MetadataScope scope)
    {
        _ = scope;
        Invariant.That(DirtyCount == 0);
        for (int index = 0; index < _index.Count; index++)
        {
            if (_index[index].IsEvictable)
                _index.Release(index);
        }

        GiveMemoryBack();
    }

    /// <summary>
    /// Forgets the slices that nobody used since the last call, as far as they are clean, and gives their memory back.
    /// </summary>
    public void DropUnused(in MetadataScope scope)
    {
        _ = scope;
        int next;
        for (int index = _index.Oldest; index != None; index = next)
        {
            next = _index[index].Newer;
            if (_index[index].Generation == _index.Generation)
                break;
            if (_index[index].IsEvictable)
                Evict(index);
        }

        _index.Generation++;
        GiveMemoryBack();
    }

    /// <summary>
    /// How many slices are kept from now on, up to the capacity. What is more than that goes at once if it is clean,
    /// with its memory.
    /// </summary>
    public void SetLimit(in MetadataScope scope, int slices)
    {
        _ = scope;
        _limit = Math.Clamp(slices, 2, _capacity);
        int next;
        bool shrinks = false;
        for (int index = _index.Oldest; index != None && _index.Used > _limit; index = next)
        {
            next = _index[index].Newer;
            if (!_index[index].IsEvictable)
                continue;
            Evict(index);
            shrinks = true;
        }

        if (shrinks)
            GiveMemoryBack();
    }

    /// <summary>
    /// Copies every dirty slice out for writing and marks it clean and "being written"; offsets come in ascending
    /// order. Each copy ends in <see cref="EndWrite"/>.
    /// </summary>
    public List<SliceWrite> TakeDirty(in MetadataScope scope)
    {
        var writes = new List<SliceWrite>(DirtyCount);
        // What is dirty was used lately.
        for (int index = _index.Newest; index != None && DirtyCount > 0; index = _index[index].Older)
        {
            ref SliceEntry entry = ref _index[index];
            if (!entry.IsDirty)
                continue;
            Invariant.That(!entry.IsWriting);
            IoBuffer copy = IoBufferPool.Shared.Rent(SliceBytes);
            Content(scope, index).CopyTo(copy.Span);
            Clean(ref entry);
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
        ref SliceEntry entry = ref _index[write.Index];
        Invariant.That(entry.IsWriting && entry.Offset == write.Offset.Value);
        entry.IsWriting = false;
        if (success)
            _writeBacks++;
        else if (!entry.IsDropped)
            MarkDirty(scope, write.Index);
        if (entry.IsDropped && entry.IsEvictable)
            _index.Release(write.Index);
        ShrinkToLimit();
    }

    public void Dispose() => _memory.Dispose();

    /// <summary>An entry for a new slice; none where only writing back can make room.</summary>
    private int TakeEntry(bool mayBorrow)
    {
        if (_index.Used >= _limit && !TryEvict(out bool allPinned) && !allPinned && !mayBorrow)
            return None;
        int index = _index.Take();
        _memory.Reach(index);
        return index;
    }

    private bool TryEvict(out bool allPinned)
    {
        allPinned = true;
        int index = _index.Oldest;
        for (int steps = 0; index != None && steps < VictimSearchLimit; index = _index[index].Newer, steps++)
        {
            if (_index[index].IsEvictable)
            {
                Evict(index);
                return true;
            }

            allPinned &= _index[index].Pins > 0 || _index[index].State == SliceState.Loading;
        }

        return false;
    }

    private void ShrinkToLimit()
    {
        while (_index.Used > _limit && TryEvict(out _))
        {
        }
    }

    private void Evict(int index)
    {
        _evictions++;
        _index.Release(index);
    }

    private void Clean(ref SliceEntry entry)
    {
        if (!entry.IsDirty)
            return;
        entry.IsDirty = false;
        DirtyCount--;
    }

    /// <summary>
    /// Gives back what free entries were resident with; neighbours together, so that few pages are shared.
    /// </summary>
    private void GiveMemoryBack()
    {
        int first = 0;
        bool hasMemory = false;
        for (int index = 0; index <= _index.Count; index++)
        {
            if (index < _index.Count && _index[index].State == SliceState.Free)
            {
                hasMemory |= _index[index].HasMemory;
                _index[index].HasMemory = false;
                continue;
            }

            if (hasMemory)
                _memory.GiveBack(first, index - first);
            first = index + 1;
            hasMemory = false;
        }
    }
}
