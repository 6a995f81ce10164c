using Byre.Block.Errors;
using Byre.Block.Requests;

namespace Byre.Storage.Files;

/// <content>Changes of the length.</content>
public sealed partial class FileStorage
{
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
            FileResizer.Resize(_calls, _file, request.LengthBytes, request.Preallocation);
            Interlocked.Exchange(ref _lengthBytes, request.LengthBytes);
        }
        finally
        {
            NoteChange();
        }
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
