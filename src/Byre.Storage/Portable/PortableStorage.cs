using Byre.Block.Buffers;
using Byre.Block.Errors;
using Byre.Block.Graph;
using Byre.Block.Requests;
using Microsoft.Win32.SafeHandles;

namespace Byre.Storage.Portable;

/// <summary>
/// A regular file by what .NET offers everywhere: positioned reads and writes, flush, length. Used on Windows and
/// macOS.
/// <para>It lacks, against <c>FileStorage</c>: direct I/O (<c>cache.direct</c> is refused), holes (everything is
/// data; zeroes are written as buffers and discards ignored), preallocation other than writing zeroes, and the lock
/// bytes that other programs see. Requests complete before the method returns. Threading and the behaviour after a
/// failed flush are the same.</para>
/// </summary>
public sealed class PortableStorage : BlockNode
{
    private const int FillBytes = 1 << 20;

    private readonly SafeFileHandle _handle;
    private long _lengthBytes;
    private volatile bool _isPoisoned;

    private PortableStorage(BlockDriver driver, SafeFileHandle handle)
    {
        Driver = driver;
        _handle = handle;
        _lengthBytes = RandomAccess.GetLength(handle);
    }

    /// <inheritdoc/>
    public override BlockDriver Driver { get; }

    /// <inheritdoc/>
    public override long LengthBytes => Interlocked.Read(ref _lengthBytes);

    /// <inheritdoc/>
    public override bool HasZeroInitialisation => true;

    /// <inheritdoc/>
    public override bool HasZeroInitialisedGrowth => true;

    /// <inheritdoc/>
    public override bool CanWriteZeroes => false;

    /// <inheritdoc/>
    public override bool SupportsForceUnitAccess => true;

    /// <summary>Opens a regular file.</summary>
    /// <exception cref="BlockException">As the driver "file".</exception>
    public static PortableStorage Open(BlockDriver driver, string fileName, OpenFlags flags)
    {
        if ((flags & OpenFlags.CacheDirect) != 0)
            throw BlockException.Invalid($"Could not open '{fileName}': filesystem does not support O_DIRECT");
        if (Directory.Exists(fileName))
            throw BlockException.Invalid($"'{driver.Name}' driver requires '{fileName}' to be a regular file");
        SafeFileHandle handle;
        try
        {
            handle = OpenHandle(fileName, flags);
        }
        catch (BlockException e) when (e.Errno == Errno.AccessDenied && (flags & OpenFlags.AutoReadOnly) != 0)
        {
            flags &= ~OpenFlags.ReadWrite;
            handle = OpenHandle(fileName, flags);
        }

        return new PortableStorage(driver, handle)
        {
            OpenedFlags = flags,
            FileName = fileName,
            ExactFileName = fileName,
            EffectiveOptions = new OptionSet { ["driver"] = driver.Name, ["filename"] = fileName },
        };
    }

    /// <summary>Creates or empties a file and gives it its length in bytes.</summary>
    /// <exception cref="BlockException">As the driver "file".</exception>
    public static void Create(string fileName, long lengthBytes, PreallocationMode preallocation)
    {
        CheckPreallocation(preallocation);
        try
        {
            using SafeFileHandle handle = System.IO.File.OpenHandle(fileName, FileMode.Create, FileAccess.ReadWrite);
            RandomAccess.SetLength(handle, lengthBytes);
            if (preallocation != PreallocationMode.Off)
                FillWithZeroes(handle, new ByteRange(0, lengthBytes));
        }
        catch (Exception e) when (IsFailure(e))
        {
            throw BlockException.FromErrno($"Could not create '{fileName}'", PortableErrors.ErrnoOf(e));
        }
    }

    /// <inheritdoc/>
    public override ValueTask DeleteFileAsync()
    {
        try
        {
            System.IO.File.Delete(FileName);
        }
        catch (Exception failure) when (IsFailure(failure))
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
            return IsReadOnly ? default : FlushCoreAsync(CancellationToken.None);
        }
        finally
        {
            _handle.Dispose();
        }
    }

    /// <inheritdoc/>
    protected override ValueTask ReadCoreAsync(long offset, IoVector destination, CancellationToken cancellation) =>
        Try(() =>
        {
            foreach (Memory<byte> segment in destination)
            {
                int done = 0;
                int count;
                while ((count = RandomAccess.Read(_handle, segment.Span[done..], offset + done)) > 0)
                    done += count;
                segment.Span[done..].Clear();
                offset += segment.Length;
            }
        });

    /// <inheritdoc/>
    protected override ValueTask WriteCoreAsync(
        long offset, IoVector source, RequestFlags flags, CancellationToken cancellation)
    {
        if (_isPoisoned || IsReadOnly)
            return Refused();
        ValueTask written = Try(() =>
        {
            foreach (Memory<byte> segment in source)
            {
                RandomAccess.Write(_handle, segment.Span, offset);
                offset += segment.Length;
            }

            Grow(offset);
        });
        bool isForced = (flags & RequestFlags.ForceUnitAccess) != 0 && written.IsCompletedSuccessfully;
        return isForced ? FlushCoreAsync(cancellation) : written;
    }

    /// <inheritdoc/>
    protected override ValueTask FlushCoreAsync(CancellationToken cancellation)
    {
        if (_isPoisoned)
            return Refused();
        if ((OpenedFlags & OpenFlags.CacheNoFlush) != 0)
            return default;
        ValueTask flushed = Try(() => RandomAccess.FlushToDisk(_handle));
        _isPoisoned |= flushed.IsFaulted;
        return flushed;
    }

    /// <inheritdoc/>
    protected override ValueTask<BlockExtent> GetStatusCoreAsync(ByteRange range, CancellationToken cancellation)
    {
        bool isInside = range.Offset < LengthBytes;
        long end = isInside ? Math.Min(range.End, LengthBytes) : range.End;
        BlockStatus status = BlockStatus.OffsetValid | BlockStatus.Allocated;
        status |= isInside ? BlockStatus.Data : BlockStatus.Zero;
        if (end >= LengthBytes)
            status |= BlockStatus.EndOfFile;
        return new ValueTask<BlockExtent>(new BlockExtent
        {
            Range = ByteRange.FromEnd(range.Offset, end),
            Status = status,
            HostOffset = range.Offset,
            HostNode = this,
        });
    }

    /// <inheritdoc/>
    protected override ValueTask TruncateCoreAsync(TruncateRequest request, CancellationToken cancellation)
    {
        if (_isPoisoned || IsReadOnly)
            return Refused();
        CheckPreallocation(request.Preallocation);
        long oldLength = LengthBytes;
        if (oldLength > request.LengthBytes && request.Preallocation != PreallocationMode.Off)
            throw BlockException.NotSupported("Cannot use preallocation for shrinking files");
        return Try(() =>
        {
            RandomAccess.SetLength(_handle, request.LengthBytes);
            if (request.Preallocation != PreallocationMode.Off)
                FillWithZeroes(_handle, ByteRange.FromEnd(oldLength, request.LengthBytes));
            Interlocked.Exchange(ref _lengthBytes, request.LengthBytes);
        });
    }

    private static SafeFileHandle OpenHandle(string fileName, OpenFlags flags)
    {
        bool isWritable = (flags & OpenFlags.ReadWrite) != 0;
        FileAccess access = isWritable ? FileAccess.ReadWrite : FileAccess.Read;
        bool sharesWrites = (flags & OpenFlags.ForceShare) != 0;
        FileShare share = sharesWrites ? FileShare.ReadWrite | FileShare.Delete : FileShare.Read;
        try
        {
            return System.IO.File.OpenHandle(fileName, FileMode.Open, access, share);
        }
        catch (Exception e) when (IsFailure(e))
        {
            throw BlockException.FromErrno($"Could not open '{fileName}'", PortableErrors.ErrnoOf(e));
        }
    }

    private static void CheckPreallocation(PreallocationMode mode)
    {
        if (mode == PreallocationMode.Metadata)
            throw BlockException.NotSupported("Unsupported preallocation mode: metadata");
    }

    private static void FillWithZeroes(SafeFileHandle handle, ByteRange range)
    {
        byte[] zeroes = new byte[FillBytes];
        for (long offset = range.Offset; offset < range.End; offset += zeroes.Length)
            RandomAccess.Write(handle, zeroes.AsSpan(0, (int)Math.Min(zeroes.Length, range.End - offset)), offset);
    }

    private static bool IsFailure(Exception e) => e is IOException or UnauthorizedAccessException;

    private static ValueTask Try(Action action)
    {
        try
        {
            action();
            return default;
        }
        catch (Exception e) when (IsFailure(e))
        {
            return ValueTask.FromException(BlockException.FromErrno(PortableErrors.ErrnoOf(e)));
        }
    }

    private ValueTask Refused() => ValueTask.FromException(
        BlockException.FromErrno(_isPoisoned ? Errno.InputOutput : Errno.OperationNotPermitted));

    private void Grow(long endBytes)
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
