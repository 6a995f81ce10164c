using System.Runtime.InteropServices;
using Byre.Block.Errors;
using Byre.Block.Requests;

namespace Byre.Storage.Interop;

/// <summary>
/// The system calls of file storage. Each returns its count or zero, or a negative error number; an interrupted call is
/// repeated. Nothing is retried or completed beyond that: short counts are the caller's affair. Stateless; virtual so
/// that tests can return what a healthy kernel rarely does.
/// </summary>
internal unsafe class SystemCalls
{
    /// <summary>Segments that one vectored call takes at most (IOV_MAX).</summary>
    public const int MaxSegments = 1024;

    private const int NoWait = 8;
    private const int LockGet = 36;
    private const int LockSet = 37;
    private const int CurrentDirectory = -100;
    private const int EmptyPath = 0x1000;
    private const uint FactsMask = 0x27FF;

    /// <summary>The kernel.</summary>
    public static SystemCalls Kernel { get; } = new();

    public virtual int Open(string path, OpenMode mode)
    {
        const int creationMode = 0x1A4; // 0644
        int result;
        do
            result = LibC.Open(path, mode.ToNative(), creationMode);
        while (result < 0 && IsInterrupted());
        return result < 0 ? Failure() : result;
    }

    public virtual long Read(int fd, Span<byte> destination, long offset)
    {
        nint result;
        fixed (byte* start = destination)
        {
            do
                result = LibC.PRead(fd, start, (nuint)destination.Length, offset);
            while (result < 0 && IsInterrupted());
        }

        return result < 0 ? Failure() : result;
    }

    /// <summary>Reads what is in the page cache; EAGAIN where the device would have to be waited for.</summary>
    public virtual long ReadCached(int fd, Span<byte> destination, long offset)
    {
        nint result;
        fixed (byte* start = destination)
        {
            var segment = new IoSegment(start, (nuint)destination.Length);
            do
                result = LibC.PReadV2(fd, &segment, 1, offset, NoWait);
            while (result < 0 && IsInterrupted());
        }

        return result < 0 ? Failure() : result;
    }

    public virtual long Write(int fd, ReadOnlySpan<byte> source, long offset)
    {
        nint result;
        fixed (byte* start = source)
        {
            do
                result = LibC.PWrite(fd, start, (nuint)source.Length, offset);
            while (result < 0 && IsInterrupted());
        }

        return result < 0 ? Failure() : result;
    }

    public virtual long ReadVector(int fd, ReadOnlySpan<IoSegment> segments, long offset)
    {
        nint result;
        fixed (IoSegment* first = segments)
        {
            do
                result = LibC.PReadV(fd, first, segments.Length, offset);
            while (result < 0 && IsInterrupted());
        }

        return result < 0 ? Failure() : result;
    }

    public virtual long WriteVector(int fd, ReadOnlySpan<IoSegment> segments, long offset)
    {
        nint result;
        fixed (IoSegment* first = segments)
        {
            do
                result = LibC.PWriteV(fd, first, segments.Length, offset);
            while (result < 0 && IsInterrupted());
        }

        return result < 0 ? Failure() : result;
    }

    /// <summary>Makes data and length stable (fdatasync).</summary>
    public virtual int Synchronise(int fd)
    {
        int result;
        do
            result = LibC.FDataSync(fd);
        while (result < 0 && IsInterrupted());
        return result < 0 ? Failure() : 0;
    }

    /// <summary>
    /// Allocates, zeroes or punches (fallocate). What the file cannot do is ENOTSUP, whatever the kernel calls it.
    /// </summary>
    public virtual int Allocate(int fd, AllocateMode mode, ByteRange range)
    {
        int result;
        do
            result = LibC.FAllocate(fd, (int)mode, range.Offset, range.Length);
        while (result < 0 && IsInterrupted());
        return result < 0 ? Unsupported(Failure()) : 0;
    }

    public virtual int Truncate(int fd, long lengthBytes)
    {
        int result;
        do
            result = LibC.FTruncate(fd, lengthBytes);
        while (result < 0 && IsInterrupted());
        return result < 0 ? Failure() : 0;
    }

    public virtual long Seek(int fd, long offset, SeekKind kind)
    {
        long result = LibC.LSeek(fd, offset, (int)kind);
        return result < 0 ? Failure() : result;
    }

    /// <summary>Facts of an open file.</summary>
    public virtual int Stat(int fd, out FileFacts facts)
    {
        fixed (FileFacts* address = &facts)
            return LibC.StatX(fd, "", EmptyPath, FactsMask, address) < 0 ? Failure() : 0;
    }

    /// <summary>Facts of a named file, symbolic links followed.</summary>
    public virtual int Stat(string path, out FileFacts facts)
    {
        fixed (FileFacts* address = &facts)
            return LibC.StatX(CurrentDirectory, path, 0, FactsMask, address) < 0 ? Failure() : 0;
    }

    /// <summary>Sets or releases a lock on one byte for this open file description, without waiting.</summary>
    public virtual int SetLock(int fd, LockType type, int offset)
    {
        var request = new FileLock { Type = (short)type, Start = offset, Length = 1 };
        int result;
        do
            result = LibC.FCntl(fd, LockSet, &request);
        while (result < 0 && IsInterrupted());
        return result < 0 ? Failure() : 0;
    }

    /// <summary>Releases all locks of this open file description within <paramref name="range"/>.</summary>
    public virtual int Unlock(int fd, ByteRange range)
    {
        var request = new FileLock { Type = (short)LockType.Unlocked, Start = range.Offset, Length = range.Length };
        int result;
        do
            result = LibC.FCntl(fd, LockSet, &request);
        while (result < 0 && IsInterrupted());
        return result < 0 ? Failure() : 0;
    }

    /// <summary>
    /// EAGAIN where another open file description holds a lock that a write lock on the byte would conflict with;
    /// else 0.
    /// </summary>
    public virtual int TestWriteLock(int fd, int offset)
    {
        var request = new FileLock { Type = (short)LockType.Write, Start = offset, Length = 1 };
        if (LibC.FCntl(fd, LockGet, &request) < 0)
            return Failure();
        return request.Type == (short)LockType.Unlocked ? 0 : -Errno.TryAgain;
    }

    /// <summary>A device request whose argument is read or written in place.</summary>
    public virtual int Control<T>(int fd, uint request, ref T argument)
        where T : unmanaged
    {
        int result;
        fixed (T* address = &argument)
        {
            do
                result = LibC.IoCtl(fd, request, address);
            while (result < 0 && IsInterrupted());
        }

        return result < 0 ? Unsupported(Failure()) : result;
    }

    /// <summary>A device request whose argument is a number.</summary>
    public virtual int Control(int fd, uint request, int argument)
    {
        int result;
        do
            result = LibC.IoCtl(fd, request, (void*)argument);
        while (result < 0 && IsInterrupted());
        return result < 0 ? Unsupported(Failure()) : result;
    }

    private static bool IsInterrupted() => Marshal.GetLastPInvokeError() == Errno.Interrupted;

    private static int Failure() => -Marshal.GetLastPInvokeError();

    private static int Unsupported(int failure)
    {
        const int noDevice = 19;
        const int notTerminal = 25;
        const int noSystemCall = 38;
        return -failure is noDevice or notTerminal or noSystemCall ? -Errno.NotSupported : failure;
    }
}
