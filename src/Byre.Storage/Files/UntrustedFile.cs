using Byre.Block.Errors;
using Byre.Block.Formats;
using Byre.Storage.Interop;
using Microsoft.Win32.SafeHandles;

namespace Byre.Storage.Files;

/// <summary>
/// A file of a stranger, open for reading and nothing else: no lock, no probing, no waiting. What is no regular file is
/// refused before it is opened, for opening alone can hang (a pipe) or have effects (a tape). Reads may overlap.
/// </summary>
public sealed class UntrustedFile : InspectionSource, IDisposable
{
    private readonly SafeFileHandle _handle;

    private UntrustedFile(SafeFileHandle handle, long lengthBytes)
    {
        _handle = handle;
        LengthBytes = lengthBytes;
    }

    /// <summary>Length when it was opened.</summary>
    public override long LengthBytes { get; }

    /// <summary>Opens a file; symbolic links are followed.</summary>
    /// <param name="path">Its path; nothing in it has a meaning beyond that.</param>
    /// <param name="allowBlockDevice">Block devices are opened, too.</param>
    /// <exception cref="BlockException"><see cref="BlockErrorKind.InvalidFormat"/> where it is no regular file; else
    /// why it cannot be opened.</exception>
    public static UntrustedFile Open(string path, bool allowBlockDevice = false) =>
        OperatingSystem.IsLinux() ? OpenOnLinux(path, allowBlockDevice) : OpenPortably(path);

    /// <summary>Reads, and completes at once.</summary>
    /// <inheritdoc/>
    public override ValueTask<int> ReadAsync(long offset, Memory<byte> destination, CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        if (!OperatingSystem.IsLinux())
            return new ValueTask<int>(ReadPortably(offset, destination.Span));
        long count = SystemCalls.Kernel.Read((int)_handle.DangerousGetHandle(), destination.Span, offset);
        return count >= 0
            ? new ValueTask<int>((int)count)
            : throw BlockException.FromErrno("Could not read", (int)-count);
    }

    /// <inheritdoc/>
    public void Dispose() => _handle.Dispose();

    private static UntrustedFile OpenOnLinux(string path, bool allowBlockDevice)
    {
        SystemCalls calls = SystemCalls.Kernel;
        int error = calls.Stat(path, out FileFacts named);
        if (error < 0)
            throw BlockException.FromErrno($"Could not open '{path}'", -error);
        CheckType(path, named, allowBlockDevice);
        int fd = calls.Open(path, OpenMode.ReadOnly | OpenMode.NonBlocking);
        if (fd < 0)
            throw BlockException.FromErrno($"Could not open '{path}'", -fd);
        var handle = new SafeFileHandle(fd, ownsHandle: true);
        try
        {
            error = calls.Stat(fd, out FileFacts facts);
            if (error < 0)
                throw BlockException.FromErrno("Could not stat file", -error);
            // The name may lead elsewhere by now.
            CheckType(path, facts, allowBlockDevice);
            long length = facts.IsRegular ? facts.SizeBytes : calls.Seek(fd, 0, SeekKind.End);
            return length >= 0
                ? new UntrustedFile(handle, length)
                : throw BlockException.FromErrno("Could not determine the size", (int)-length);
        }
        catch
        {
            handle.Dispose();
            throw;
        }
    }

    private static void CheckType(string path, in FileFacts facts, bool allowBlockDevice)
    {
        if (facts.IsRegular || (facts.IsBlockDevice && allowBlockDevice))
            return;
        throw new BlockException(
            BlockErrorKind.InvalidFormat, Errno.Invalid, $"'{path}' is not a regular file");
    }

    private static UntrustedFile OpenPortably(string path)
    {
        try
        {
            const FileAttributes Special = FileAttributes.Directory | FileAttributes.Device;
            if ((File.GetAttributes(path) & Special) != 0)
            {
                throw new BlockException(
                    BlockErrorKind.InvalidFormat, Errno.Invalid, $"'{path}' is not a regular file");
            }

            SafeFileHandle handle = File.OpenHandle(path, share: FileShare.ReadWrite | FileShare.Delete);
            return new UntrustedFile(handle, RandomAccess.GetLength(handle));
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new BlockException(
                BlockErrorKind.InputOutput, Errno.InputOutput, $"Could not open '{path}': {failure.Message}", failure);
        }
    }

    private int ReadPortably(long offset, Span<byte> destination)
    {
        try
        {
            return RandomAccess.Read(_handle, destination, offset);
        }
        catch (IOException failure)
        {
            throw new BlockException(
                BlockErrorKind.InputOutput, Errno.InputOutput, $"Could not read: {failure.Message}", failure);
        }
    }
}
