using Byre.Block.Errors;
using Byre.Block.Threading;
using Byre.Qcow2.Layout;
using Byre.Qcow2.Metadata;

namespace Byre.Qcow2.Tests.Metadata;

/// <summary>What a slice cache keeps, and what it lets go first.</summary>
public sealed class SliceCacheTests : IDisposable
{
    private const int SliceBytes = 512;
    private const int Capacity = 8;

    private readonly MetadataLock _lock = new();
    private readonly SliceCache _cache = new(SliceBytes, Capacity, CompletionScheduler.ThreadPool);

    public void Dispose() => _cache.Dispose();

    [Fact]
    public void TheLeastRecentlyUsedSliceGoesFirstWhereverItLies()
    {
        using MetadataScope scope = _lock.Enter();
        for (int slice = 1; slice <= Capacity; slice++)
            Load(scope, slice);
        foreach (int used in (int[])[3, 1, 8, 5])
            Assert.True(Has(scope, used));
        for (int slice = 9; slice <= 13; slice++)
            Load(scope, slice);
        Assert.Equal([1, 5, 8, 9, 10, 11, 12, 13], Held(scope));
        Assert.Equal(5, _cache.Statistics.Evictions);
    }

    [Fact]
    public void UnusedEntriesAreTakenBeforeAnythingIsEvicted()
    {
        using MetadataScope scope = _lock.Enter();
        for (int slice = 1; slice <= Capacity; slice++)
            Load(scope, slice);
        _cache.Drop(scope, At(4), 2 * SliceBytes);
        Load(scope, 20);
        Load(scope, 21);
        Assert.Equal(0, _cache.Statistics.Evictions);
        Assert.Equal([1, 2, 3, 6, 7, 8, 20, 21], Held(scope));
    }

    [Fact]
    public void PinnedAndDirtySlicesStay()
    {
        using MetadataScope scope = _lock.Enter();
        for (int slice = 1; slice <= Capacity; slice++)
            Load(scope, slice);
        Assert.True(_cache.TryFind(scope, At(2), out int pinned));
        _cache.Pin(scope, pinned);
        Assert.True(_cache.TryFind(scope, At(3), out int dirty));
        _cache.MarkDirty(scope, dirty);
        for (int slice = 100; slice < 140; slice++)
            Load(scope, slice);
        Assert.True(Has(scope, 2));
        Assert.True(Has(scope, 3));
        Assert.Equal(Capacity, _cache.Statistics.UsedSlices);
        _cache.Unpin(scope, pinned);
    }

    [Fact]
    public void ATableThatWasFreedIsNeverWrittenBack()
    {
        using MetadataScope scope = _lock.Enter();
        Load(scope, 1);
        Assert.True(_cache.TryFind(scope, At(1), out int index));
        _cache.MarkDirty(scope, index);
        _cache.Drop(scope, At(1), SliceBytes);
        Assert.Equal(0, _cache.DirtyCount);
        Assert.Empty(_cache.TakeDirty(scope));
        Assert.False(Has(scope, 1));
    }

    /// <summary>Dropped while its copy is on the way: a failure of that write does not bring it back.</summary>
    [Fact]
    public void ATableThatIsFreedWhileItIsWrittenIsForgotten()
    {
        using MetadataScope scope = _lock.Enter();
        Load(scope, 1);
        Assert.True(_cache.TryFind(scope, At(1), out int index));
        _cache.MarkDirty(scope, index);
        SliceWrite write = Assert.Single(_cache.TakeDirty(scope));
        _cache.Drop(scope, At(1), SliceBytes);
        _cache.EndWrite(scope, write, success: false);
        Assert.Equal(0, _cache.DirtyCount);
        Assert.False(Has(scope, 1));
    }

    [Fact]
    public void AWriteThatFailedIsMadeAgain()
    {
        using MetadataScope scope = _lock.Enter();
        foreach (int slice in (int[])[5, 2, 7])
        {
            Load(scope, slice);
            Assert.True(_cache.TryFind(scope, At(slice), out int index));
            _cache.MarkDirty(scope, index);
        }

        List<SliceWrite> writes = _cache.TakeDirty(scope);
        Assert.Equal([At(2), At(5), At(7)], writes.Select(static write => write.Offset));
        Assert.Equal(0, _cache.DirtyCount);
        foreach (SliceWrite write in writes)
            _cache.EndWrite(scope, write, success: write.Offset != At(5));
        SliceWrite again = Assert.Single(_cache.TakeDirty(scope));
        Assert.Equal(At(5), again.Offset);
        _cache.EndWrite(scope, again, success: true);
        Assert.Equal(3, _cache.Statistics.WriteBacks);
    }

    [Fact]
    public void WhereAllIsDirtyTheCallerHasToWriteOrToBorrow()
    {
        using MetadataScope scope = _lock.Enter();
        for (int slice = 1; slice <= Capacity; slice++)
        {
            Load(scope, slice);
            Assert.True(_cache.TryFind(scope, At(slice), out int index));
            _cache.MarkDirty(scope, index);
        }

        Assert.Equal(LoadClaim.Full, _cache.BeginLoad(scope, At(50), mayBorrow: false, out _, out _));
        Assert.Equal(LoadClaim.Mine, _cache.BeginLoad(scope, At(50), mayBorrow: true, out int borrowed, out _));
        _cache.EndLoad(scope, borrowed, success: true);
        _cache.Unpin(scope, borrowed);
        Assert.Equal(Capacity, _cache.Statistics.UsedSlices);
        Assert.Equal(Capacity, _cache.DirtyCount);
        foreach (SliceWrite write in _cache.TakeDirty(scope))
            _cache.EndWrite(scope, write, success: true);
    }

    [Fact]
    public void OffsetZeroIsOurBug()
    {
        using MetadataScope scope = _lock.Enter();
        bool isRefused = false;
        try
        {
            _cache.TryFind(scope, default, out _);
        }
        catch (InvariantException)
        {
            isRefused = true;
        }

        Assert.True(isRefused);
    }

    [Fact]
    public void ACacheThatDoesNotFitIsAnError()
    {
        BlockException failure = Assert.Throws<BlockException>(
            static () => new SliceCache(1 << 21, int.MaxValue, CompletionScheduler.ThreadPool));
        Assert.Equal(Errno.OutOfMemory, failure.Errno);
        Assert.Equal("Could not allocate metadata caches", failure.Message);
    }

    private static HostOffset At(int slice) => new((long)slice * SliceBytes);

    private void Load(in MetadataScope scope, int slice)
    {
        Assert.Equal(LoadClaim.Mine, _cache.BeginLoad(scope, At(slice), mayBorrow: false, out int index, out _));
        _cache.EndLoad(scope, index, success: true);
        _cache.Unpin(scope, index);
    }

    private bool Has(in MetadataScope scope, int slice) => _cache.TryFind(scope, At(slice), out _);

    /// <summary>What is there; a use of all of it.</summary>
    private List<int> Held(in MetadataScope scope)
    {
        var held = new List<int>();
        for (int slice = 1; slice < 200; slice++)
        {
            if (Has(scope, slice))
                held.Add(slice);
        }

        return held;
    }
}
