using Byre.Block.Buffers;
using Byre.Block.Errors;
using Byre.Block.Graph;
using Byre.Block.Requests;
using Byre.Storage.Interop;

namespace Byre.Storage.Files;

/// <content>Zeroes and discards without buffers. What the file system cannot do is tried once and then
/// remembered.</content>
public sealed partial class FileStorage
{
    private const AllocateMode Punch = AllocateMode.PunchHole | AllocateMode.KeepSize;

    private volatile bool _cannotPunch;
    private volatile bool _cannotZero;
    private volatile bool _cannotAllocate;

    /// <inheritdoc/>
    public override bool CanUnmapZeroes => !_cannotPunch;

    /// <inheritdoc/>
    public override bool CanWriteZeroes => !_cannotZero || (!_cannotPunch && !_cannotAllocate);

    /// <inheritdoc/>
    protected override ValueTask WriteZeroesCoreAsync(
        ByteRange range, RequestFlags flags, CancellationToken cancellation)
    {
        AssertAligned(range);
        if (WriteObstacle() is { } errno)
            return Failed(errno);
        MoveEndAhead(range.End);
        bool mayUnmap = (flags & RequestFlags.MayUnmap) != 0;
        int error = IsDevice ? ZeroDevice(range, flags) : ZeroFile(range, mayUnmap);
        NoteChange();
        if (error < 0)
            return Failed(-error);
        GrowLength(range.End);
        return Complete(flags);
    }

    /// <inheritdoc/>
    protected override ValueTask DiscardCoreAsync(ByteRange range, CancellationToken cancellation)
    {
        if ((OpenedFlags & OpenFlags.Unmap) == 0 || _cannotPunch)
            return default;
        if (WriteObstacle() is { } errno)
            return Failed(errno);
        int error = _file.Facts.IsBlockDevice ? DiscardDevice(range) : _calls.Allocate(_file.Fd, Punch, range);
        NoteChange();
        if (error == -Errno.NotSupported)
        {
            _cannotPunch = true;
            return default;
        }

        return error < 0 ? Failed(-error) : default;
    }

    private int ZeroFile(ByteRange range, bool mayUnmap)
    {
        if (mayUnmap && !_cannotPunch)
        {
            int error = PunchAndGrow(range);
            if (!IsRefusal(error))
                return error;
            _cannotPunch |= error == -Errno.NotSupported;
        }

        if (!_cannotZero)
        {
            int error = _calls.Allocate(_file.Fd, AllocateMode.ZeroRange, range);
            if (!IsRefusal(error))
                return error;
            _cannotZero |= error == -Errno.NotSupported;
        }

        return AllocateZeroes(range);
    }

    // For file systems without the zero-range operation: a hole that is then allocated again reads as zeroes; so does
    // what is allocated beyond the end.
    private int AllocateZeroes(ByteRange range)
    {
        if (_cannotAllocate)
            return -Errno.NotSupported;
        if (range.Offset < LengthBytes)
        {
            if (_cannotPunch)
                return -Errno.NotSupported;
            int error = _calls.Allocate(_file.Fd, Punch, range);
            _cannotPunch |= error == -Errno.NotSupported;
            if (error < 0)
                return IsRefusal(error) ? -Errno.NotSupported : error;
        }

        int result = _calls.Allocate(_file.Fd, AllocateMode.Default, range);
        _cannotAllocate |= result == -Errno.NotSupported;
        return result;
    }

    // Punching never changes the length. Growing by ftruncate could cut off what another writer has appended
    // meanwhile, so the range's last bytes are written (they are zeroes anyway) before the punch takes them back.
    private int PunchAndGrow(ByteRange range)
    {
        if (range.End > LengthBytes)
        {
            int length = _limits.RequestAlignmentBytes;
            IoBuffer zeroes = IoBufferPool.Shared.RentZeroed(length);
            try
            {
                int error = _file.Transfer.Write(_file.Fd, range.End - length, zeroes.Memory);
                if (error < 0)
                    return error;
            }
            finally
            {
                zeroes.Return();
            }
        }

        return _calls.Allocate(_file.Fd, Punch, range);
    }

    private int ZeroDevice(ByteRange range, RequestFlags flags)
    {
        if ((flags & RequestFlags.MayUnmap) != 0 && !_cannotPunch)
        {
            int error = _calls.Allocate(_file.Fd, Punch, range);
            if (!IsRefusal(error))
                return error;
            _cannotPunch |= error == -Errno.NotSupported;
        }

        // Neither of these promises to be faster than writing buffers.
        if ((flags & RequestFlags.NoFallback) != 0 || _cannotZero)
            return -Errno.NotSupported;
        int result = _calls.Allocate(_file.Fd, AllocateMode.ZeroRange | AllocateMode.KeepSize, range);
        if (!IsRefusal(result))
            return result;
        if (!_file.IsDirect)
            return -Errno.NotSupported;
        var argument = new DeviceRange { Offset = range.Offset, Length = range.Length };
        result = _calls.Control(_file.Fd, DeviceRequests.ZeroOut, ref argument);
        _cannotZero |= result == -Errno.NotSupported;
        return result;
    }

    private int DiscardDevice(ByteRange range)
    {
        var argument = new DeviceRange { Offset = range.Offset, Length = range.Length };
        return _calls.Control(_file.Fd, DeviceRequests.Discard, ref argument);
    }

    // Some file systems answer EINVAL to ranges that are not aligned to their blocks, or EBUSY: another way may work.
    private static bool IsRefusal(int error) =>
        error is -Errno.NotSupported or -Errno.Invalid or -Errno.Busy;
}
