using Byre.Block.Errors;
using Byre.Block.Graph;
using Byre.Block.Requests;
using Byre.Storage.Interop;

namespace Byre.Storage.Files;

/// <summary>
/// A file or device of the host (drivers "file", "host_device", "host_cdrom"). Linux only; see <c>PortableStorage</c>.
/// <para>Every request completes before its method returns: it is a blocking system call. Only on a thread that must
/// not block (<see cref="Block.Threading.SubmissionThread"/>) it goes through the thread's io_uring, or to a worker,
/// and completes later. Requests may be issued from any number of threads. Reads beyond the end give zeroes, writes
/// beyond it grow a regular file.</para>
/// <para>With <see cref="OpenFlags.CacheDirect"/> requests must be aligned as <see cref="Limits"/> say; memory that
/// is not aligned is copied.</para>
/// <para>After a failed flush every write and flush fails with EIO: the kernel may have dropped the pages that it
/// could not write and reports the error once, so nothing that was written since the last good flush is known to be
/// stored.</para>
/// </summary>
public sealed partial class FileStorage : BlockNode
{
    private readonly SystemCalls _calls;
    private readonly ImageLock? _locks;
    private readonly HoleMap _holes;
    private OpenFile _file;
    private FileSharing _sharing;
    private BlockLimits _limits;
    private long _lengthBytes;

    internal FileStorage(BlockDriver driver, SystemCalls calls, OpenFile file, ImageLock? locks, FileSharing sharing)
    {
        Driver = driver;
        _calls = calls;
        _file = file;
        _locks = locks;
        _sharing = sharing;
        _holes = new HoleMap(calls, remember: !sharing.IsForced);
        _limits = LimitsOf(file);
        _lengthBytes = MeasureLength();
    }

    /// <inheritdoc/>
    public override BlockDriver Driver { get; }

    /// <inheritdoc/>
    public override long LengthBytes => Interlocked.Read(ref _lengthBytes);

    /// <inheritdoc/>
    public override BlockLimits Limits => _limits;

    /// <inheritdoc/>
    public override bool IsReadOnly => !_file.IsWritable;

    /// <inheritdoc/>
    public override bool HasZeroInitialisation => _file.Facts.IsRegular;

    /// <inheritdoc/>
    public override bool HasZeroInitialisedGrowth => _file.Facts.IsRegular;

    /// <summary>Whether requests go through the ring of a thread that has one (<c>aio=io_uring</c>).</summary>
    internal bool UsesRing { get; init; } = true;

    /// <summary>True for block and character devices.</summary>
    public bool IsDevice => _file.Facts.IsDevice;

    /// <inheritdoc/>
    public override ValueTask<long?> GetAllocatedBytesAsync(CancellationToken cancellation = default)
    {
        const int blockBytes = 512;
        int error = _calls.Stat(_file.Fd, out FileFacts facts);
        return error < 0
            ? ValueTask.FromException<long?>(BlockException.FromErrno(-error))
            : new ValueTask<long?>(facts.Blocks * blockBytes);
    }

    /// <inheritdoc/>
    public override void SetPermissions(NodePermissions used, NodePermissions shared)
    {
        ChangeLocks(_sharing.With(used, shared));
        base.SetPermissions(used, shared);
    }

    /// <inheritdoc/>
    public override ValueTask DeleteFileAsync()
    {
        try
        {
            if (_file.Facts.IsRegular)
                System.IO.File.Delete(FileName);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            // It stays. Whoever wanted it gone reports why it is of no use.
        }

        return default;
    }

    /// <inheritdoc/>
    public override ValueTask DisposeAsync()
    {
        try
        {
            MoveEndBack();
            if (_file.IsWritable)
                Flush();
            return default;
        }
        catch (BlockException e)
        {
            return ValueTask.FromException(e);
        }
        finally
        {
            _locks?.ReleaseAll(_file.Fd);
            _file.Dispose();
        }
    }

    private static BlockLimits LimitsOf(OpenFile file) => new()
    {
        RequestAlignmentBytes = file.Transfer.Alignment.RequestBytes,
        MemoryAlignmentBytes = file.Transfer.Alignment.MemoryBytes,
    };

    private void ChangeLocks(FileSharing sharing)
    {
        _locks?.Change(_file.Fd, sharing.Used, sharing.Shared);
        _sharing = sharing;
    }

    private long MeasureLength()
    {
        long length = _calls.Seek(_file.Fd, 0, SeekKind.End);
        return length >= 0 ? length : throw BlockException.FromErrno("Could not get file length", (int)-length);
    }

    // Writers that extend the file race each other: the longest wins.
    private void GrowLength(long endBytes)
    {
        long length = Interlocked.Read(ref _lengthBytes);
        while (endBytes > length)
        {
            long seen = Interlocked.CompareExchange(ref _lengthBytes, endBytes, length);
            if (seen == length)
                return;
            length = seen;
        }
    }
}
