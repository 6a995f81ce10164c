using Byre.Block.Buffers;
using Byre.Block.Errors;
using Byre.Storage.Interop;
using Microsoft.Win32.SafeHandles;

namespace Byre.Storage.Files;

/// <summary>
/// One open file description and what was learnt of it when it was opened. Immutable; a reopened node has another
/// one. The descriptor is closed by <see cref="Dispose"/>, or by the finaliser of its handle.
/// </summary>
internal sealed class OpenFile : IDisposable
{
    private readonly SystemCalls _calls;
    private readonly SafeFileHandle _handle;

    private OpenFile(SystemCalls calls, SafeFileHandle handle, OpenMode mode, in FileFacts facts, FileTransfer transfer)
    {
        _calls = calls;
        _handle = handle;
        Mode = mode;
        Facts = facts;
        Transfer = transfer;
        Fd = (int)handle.DangerousGetHandle();
    }

    public int Fd { get; }

    public OpenMode Mode { get; }

    /// <summary>Type and identity; the sizes in it are those at the time of opening.</summary>
    public FileFacts Facts { get; }

    public FileTransfer Transfer { get; }

    public bool IsWritable => (Mode & OpenMode.ReadWrite) != 0;

    public bool IsDirect => (Mode & OpenMode.Direct) != 0;

    /// <summary>Opens <paramref name="path"/>; <paramref name="name"/> is what messages call it.</summary>
    /// <exception cref="BlockException">"Could not open 'F': No such file or directory" and the like.</exception>
    public static OpenFile Open(SystemCalls calls, string path, string name, OpenMode mode)
    {
        int fd = calls.Open(path, mode);
        if (fd < 0)
            throw OpenFailure(calls, path, name, mode, -fd);
        var handle = new SafeFileHandle(fd, ownsHandle: true);
        try
        {
            int error = calls.Stat(fd, out FileFacts facts);
            if (error < 0)
                throw BlockException.FromErrno("Could not stat file", -error);
            CheckDeviceWritable(calls, fd, mode, facts);
            bool isDirect = (mode & OpenMode.Direct) != 0 && (facts.IsRegular || facts.IsBlockDevice);
            DirectAlignment alignment = isDirect ? DirectAlignmentProbe.Probe(calls, fd, facts) : DirectAlignment.None;
            return new OpenFile(calls, handle, mode, facts, new FileTransfer(calls, alignment, IoBufferPool.Shared));
        }
        catch
        {
            handle.Dispose();
            throw;
        }
    }

    public void Dispose()
    {
        if (_handle.IsClosed)
            return;
        // A child process that is being started has a copy of the descriptor until it executes its program, and would
        // keep the locks for that long. Where this fails there are no locks.
        _ = _calls.Unlock(Fd, ImageLock.Bytes);
        _handle.Dispose();
    }

    private static BlockException OpenFailure(SystemCalls calls, string path, string name, OpenMode mode, int errno)
    {
        string action = (mode & OpenMode.Create) != 0 ? "create" : "open";
        if (errno == Errno.Invalid && (mode & OpenMode.Direct) != 0)
        {
            int fd = calls.Open(path, mode & ~OpenMode.Direct);
            if (fd >= 0)
            {
                new SafeFileHandle(fd, ownsHandle: true).Dispose();
                return BlockException.Invalid($"Could not {action} '{name}': filesystem does not support O_DIRECT");
            }
        }

        return BlockException.FromErrno($"Could not {action} '{name}'", errno);
    }

    // A block device set read-only (blockdev --setro) opens for writing all the same; its writes fail with EPERM.
    private static void CheckDeviceWritable(SystemCalls calls, int fd, OpenMode mode, in FileFacts facts)
    {
        if ((mode & OpenMode.ReadWrite) == 0 || !facts.IsBlockDevice)
            return;
        int readOnly = 0;
        int error = calls.Control(fd, DeviceRequests.GetReadOnly, ref readOnly);
        if (error >= 0 && readOnly != 0)
            error = -Errno.AccessDenied;
        if (error < 0)
            throw BlockException.FromErrno("The device is not writable", -error);
    }
}
