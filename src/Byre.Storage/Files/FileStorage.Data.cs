using Byre.Block.Buffers;
using Byre.Block.Errors;
using Byre.Block.Requests;
using Byre.Block.Threading;
using Byre.Storage.IoUring;

namespace Byre.Storage.Files;

/// <content>Reads, writes and flushes.</content>
public sealed partial class FileStorage
{
    /// <summary>Longer copies to and from the page cache are worth a thread of their own.</summary>
    private const int MaxInlineBytes = 128 << 10;

    private long _changes;
    private long _stableChanges;
    private volatile bool _isPoisoned;

    /// <inheritdoc/>
    public override bool SupportsForceUnitAccess => true;

    /// <inheritdoc/>
    protected override ValueTask ReadCoreAsync(long offset, IoVector destination, CancellationToken cancellation)
    {
        AssertAligned(new ByteRange(offset, destination.Length));
        if (SubmissionThread.MustNotBlock)
        {
            return TryReadCached(offset, destination)
                ? default
                : Queue(WorkerTask.Read, offset, destination, RequestFlags.None);
        }

        int errno = ReadBlocking(offset, destination);
        return errno == Errno.None ? default : Failed(errno);
    }

    /// <inheritdoc/>
    protected override ValueTask WriteCoreAsync(
        long offset, IoVector source, RequestFlags flags, CancellationToken cancellation)
    {
        var range = new ByteRange(offset, source.Length);
        AssertAligned(range);
        if (WriteObstacle() is { } obstacle)
            return Failed(obstacle);
        MoveEndAhead(range.End);
        if (SubmissionThread.MustNotBlock && MayWait(source, flags))
            return Queue(WorkerTask.Write, offset, source, flags);
        int errno = WriteBlocking(offset, source);
        return errno == Errno.None ? Complete(flags) : Failed(errno);
    }

    /// <inheritdoc/>
    protected override ValueTask FlushCoreAsync(CancellationToken cancellation)
    {
        if (SubmissionThread.MustNotBlock && NeedsFlush)
            return Queue(WorkerTask.Flush, 0, default, RequestFlags.None);
        try
        {
            Flush();
            return default;
        }
        catch (BlockException e)
        {
            return ValueTask.FromException(e);
        }
    }

    /// <summary>Does on a worker thread what another thread must not wait for.</summary>
    /// <exception cref="BlockException">The request failed.</exception>
    internal void PerformBlocking(WorkerTask task, long offset, in IoVector memory, RequestFlags flags)
    {
        int errno = task switch
        {
            WorkerTask.Read => ReadBlocking(offset, memory),
            WorkerTask.Write => WriteBlocking(offset, memory),
            _ => Errno.None,
        };
        if (errno != Errno.None)
            throw BlockException.FromErrno(errno);
        if (task == WorkerTask.Flush || (flags & RequestFlags.ForceUnitAccess) != 0)
            Flush();
    }

    /// <summary>The mark that a flush which begins now reaches.</summary>
    internal long BeginFlush() => Interlocked.Read(ref _changes);

    /// <summary>A flush that began at a mark has ended. Returns an error number.</summary>
    internal int EndFlush(long changes, int result)
    {
        // Another flush failed meanwhile: this one may have succeeded without what the kernel dropped.
        if (_isPoisoned)
            return Errno.InputOutput;
        if (result < 0)
        {
            _isPoisoned = true;
            return -result;
        }

        NoteStable(changes);
        return Errno.None;
    }

    /// <summary>Something was written up to <paramref name="endBytes"/>.</summary>
    internal void NoteWritten(long endBytes)
    {
        NoteChange();
        GrowLength(endBytes);
    }

    // By the ring of this thread where it has one, else by a worker thread.
    private ValueTask Queue(WorkerTask task, long offset, in IoVector memory, RequestFlags flags)
    {
        OpenFile file = _file;
        return UsesRing && SubmissionThread.Loop is RingReactor reactor
            && RingOperation.TryQueue(reactor, this, file, task, offset, memory, flags, out ValueTask request)
            ? request
            : WorkerOperation.Queue(this, task, offset, memory, flags);
    }

    private int ReadBlocking(long offset, in IoVector destination)
    {
        OpenFile file = _file;
        long count = file.Transfer.Read(file.Fd, offset, destination);
        if (count < 0)
            return (int)-count;
        if (count < destination.Length)
            destination.From(count).Clear();
        return Errno.None;
    }

    private int WriteBlocking(long offset, in IoVector source)
    {
        OpenFile file = _file;
        int error = file.Transfer.Write(file.Fd, offset, source);
        NoteChange();
        if (error < 0)
            return -error;
        GrowLength(offset + source.Length);
        return Errno.None;
    }

    // A page cache that has everything answers at once. What it cannot answer alone, a file's end among it, is read
    // the usual way.
    private bool TryReadCached(long offset, in IoVector destination)
    {
        OpenFile file = _file;
        if (file.IsDirect || !destination.IsSingle || destination.Length > MaxInlineBytes)
            return false;
        return _calls.ReadCached(file.Fd, destination.Single.Span, offset) == destination.Length;
    }

    private bool MayWait(in IoVector source, RequestFlags flags) =>
        _file.IsDirect || source.Length > MaxInlineBytes || (flags & RequestFlags.ForceUnitAccess) != 0;

    private static ValueTask Failed(int errno) => ValueTask.FromException(BlockException.FromErrno(errno));

    private ValueTask Complete(RequestFlags flags) =>
        (flags & RequestFlags.ForceUnitAccess) != 0 ? FlushCoreAsync(CancellationToken.None) : default;

    private int? WriteObstacle()
    {
        if (_isPoisoned)
            return Errno.InputOutput;
        return _file.IsWritable ? null : Errno.OperationNotPermitted;
    }

    // To be called when the file has been changed and before the request completes: then no later question is
    // answered from what was known before, and no later flush believes that there is nothing to do.
    internal void NoteChange()
    {
        Interlocked.Increment(ref _changes);
        _holes.Invalidate();
    }

    /// <summary>False where everything that was written is stable.</summary>
    internal bool NeedsFlush =>
        _isPoisoned || ((OpenedFlags & Block.Graph.OpenFlags.CacheNoFlush) == 0
            && Interlocked.Read(ref _changes) != Interlocked.Read(ref _stableChanges));

    private void Flush()
    {
        if (_isPoisoned)
            throw BlockException.FromErrno(Errno.InputOutput);
        if (!NeedsFlush)
            return;
        long changes = BeginFlush();
        int errno = EndFlush(changes, _calls.Synchronise(_file.Fd));
        if (errno != Errno.None)
            throw BlockException.FromErrno(errno);
    }

    // A flush that began earlier may end later; it must not take back what this one has reached.
    private void NoteStable(long changes)
    {
        long stable = Interlocked.Read(ref _stableChanges);
        while (changes > stable)
        {
            long seen = Interlocked.CompareExchange(ref _stableChanges, changes, stable);
            if (seen == stable)
                return;
            stable = seen;
        }
    }

    private void AssertAligned(ByteRange range) => Invariant.That(range.IsAligned(_limits.RequestAlignmentBytes));
}
