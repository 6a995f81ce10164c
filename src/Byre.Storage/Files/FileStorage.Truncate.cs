using Byre.Block.Errors;
using Byre.Block.Requests;

namespace Byre.Storage.Files;

/// <content>
/// Changes of the length. A write behind the end of a file makes others wait while it moves the end; for direct I/O
/// that costs more than the write itself. Where the owner of the node says that it appends, the end is moved ahead in
/// large steps, as a hole, and back to the last byte when the node is closed. A process that is killed leaves the hole.
/// </content>
public sealed partial class FileStorage
{
    /// <summary>How far the end is moved beyond what is needed.</summary>
    private const long AheadBytes = 64L << 20;

    private readonly Lock _endLock = new();
    private bool _movesEndAhead;

    // Where the file itself ends while that is not at LengthBytes; 0 otherwise.
    private long _endAhead;

    /// <inheritdoc/>
    /// <remarks>
    /// Only of a regular file, in direct mode, that nobody else may resize: another's end must not be cut.
    /// </remarks>
    public override void ExpectAppends() =>
        _movesEndAhead = _file.Facts.IsRegular && _file.IsDirect && _file.IsWritable && _locks is not null &&
            !_sharing.SharesResize;

    /// <inheritdoc/>
    protected override ValueTask TruncateCoreAsync(TruncateRequest request, CancellationToken cancellation)
    {
        try
        {
            Truncate(request);
            return default;
        }
        catch (BlockException e)
        {
            return ValueTask.FromException(e);
        }
    }

    private void Truncate(TruncateRequest request)
    {
        if (WriteObstacle() is { } errno)
            throw BlockException.FromErrno(errno);
        if (IsDevice)
        {
            CheckDeviceLength(request);
            return;
        }

        try
        {
            lock (_endLock)
            {
                MoveEndBack();
                FileResizer.Resize(_calls, _file, request.LengthBytes, request.Preallocation);
                Interlocked.Exchange(ref _lengthBytes, request.LengthBytes);
            }
        }
        finally
        {
            NoteChange();
        }
    }

    // To be called before anything is written up to this offset. All that extends the file passes here, so the end that
    // is set is behind every byte that anybody has begun to write.
    private void MoveEndAhead(long writeEndBytes)
    {
        if (!_movesEndAhead || writeEndBytes <= Math.Max(LengthBytes, Interlocked.Read(ref _endAhead)))
            return;
        lock (_endLock)
        {
            if (writeEndBytes <= _endAhead)
                return;
            long end = writeEndBytes + AheadBytes;
            if (_calls.Truncate(_file.Fd, end) == 0)
                Interlocked.Exchange(ref _endAhead, end);
            else
                _movesEndAhead = false;
        }
    }

    // The end goes to the last byte that was written. Nothing may be in flight.
    private void MoveEndBack()
    {
        if (_endAhead == 0)
            return;
        // Where that fails the file keeps a hole behind its end, which nobody minds.
        if (_calls.Truncate(_file.Fd, LengthBytes) == 0)
            NoteChange();
        Interlocked.Exchange(ref _endAhead, 0);
    }

    private void CheckDeviceLength(TruncateRequest request)
    {
        if (request.Preallocation != PreallocationMode.Off)
        {
            string mode = FileResizer.NameOf(request.Preallocation);
            throw BlockException.NotSupported($"Preallocation mode '{mode}' unsupported for this non-regular file");
        }

        if (request.LengthBytes != LengthBytes && request.Exact)
            throw BlockException.NotSupported("Cannot resize device files");
        if (request.LengthBytes > LengthBytes)
            throw BlockException.Invalid("Cannot grow device files");
    }
}
