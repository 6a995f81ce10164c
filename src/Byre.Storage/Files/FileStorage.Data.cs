using Byre.Block.Buffers;
using Byre.Block.Errors;
using Byre.Block.Requests;

namespace Byre.Storage.Files;

/// <content>Reads, writes and flushes.</content>
public sealed partial class FileStorage
{
    private long _changes;
    private long _stableChanges;
    private volatile bool _isPoisoned;

    /// <inheritdoc/>
    public override bool SupportsForceUnitAccess => true;

    /// <inheritdoc/>
    protected override ValueTask ReadCoreAsync(long offset, IoVector destination, CancellationToken cancellation)
    {
        AssertAligned(new ByteRange(offset, destination.Length));
        OpenFile file = _file;
        long count = file.Transfer.Read(file.Fd, offset, destination);
        if (count < 0)
            return Failed((int)-count);
        if (count < destination.Length)
            destination.From(count).Clear();
        return default;
    }

    /// <inheritdoc/>
    protected override ValueTask WriteCoreAsync(
        long offset, IoVector source, RequestFlags flags, CancellationToken cancellation)
    {
        var range = new ByteRange(offset, source.Length);
        AssertAligned(range);
        if (WriteObstacle() is { } errno)
            return Failed(errno);
        OpenFile file = _file;
        int error = file.Transfer.Write(file.Fd, offset, source);
        NoteChange();
        if (error < 0)
            return Failed(-error);
        GrowLength(range.End);
        return Complete(flags);
    }

    /// <inheritdoc/>
    protected override ValueTask FlushCoreAsync(CancellationToken cancellation)
    {
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
    private void NoteChange()
    {
        Interlocked.Increment(ref _changes);
        _holes.Invalidate();
    }

    private void Flush()
    {
        if (_isPoisoned)
            throw BlockException.FromErrno(Errno.InputOutput);
        if ((OpenedFlags & Block.Graph.OpenFlags.CacheNoFlush) != 0)
            return;
        long changes = Interlocked.Read(ref _changes);
        if (changes == Interlocked.Read(ref _stableChanges))
            return;

        int error = _calls.Synchronise(_file.Fd);
        if (error < 0)
        {
            _isPoisoned = true;
            throw BlockException.FromErrno(-error);
        }

        NoteStable(changes);
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
