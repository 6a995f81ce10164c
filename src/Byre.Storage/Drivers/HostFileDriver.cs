using Byre.Block.Errors;
using Byre.Block.Graph;
using Byre.Storage.Files;
using Byre.Storage.Interop;

namespace Byre.Storage.Drivers;

/// <summary>What the drivers of host files and devices have in common. Stateless.</summary>
public abstract class HostFileDriver : BlockDriver
{
    /// <inheritdoc/>
    public override bool IsProtocol => true;

    /// <inheritdoc/>
    public override string? FileNamePrefix => Name;

    private protected virtual OpenMode ExtraMode => OpenMode.ReadOnly;

    /// <inheritdoc/>
    public override void ParseFileName(string fileName, OptionSet options) =>
        options["filename"] = FileNames.StripProtocol(fileName, Name);

    /// <inheritdoc/>
    public override ValueTask<BlockNode> OpenAsync(OpenRequest request, CancellationToken cancellation)
    {
        try
        {
            FileNodeOptions options = FileNodeOptions.Take(Name, request);
            return new ValueTask<BlockNode>(OpenNode(request, options));
        }
        catch (BlockException e)
        {
            return ValueTask.FromException<BlockNode>(e);
        }
    }

    private protected virtual BlockNode OpenNode(OpenRequest request, FileNodeOptions options) =>
        OpenStorage(SystemCalls.Kernel, request, options);

    private protected abstract void CheckType(in FileFacts facts, string fileName);

    internal FileStorage OpenStorage(SystemCalls calls, OpenRequest request, FileNodeOptions options)
    {
        OpenFlags flags = request.Flags;
        OpenFile file = OpenWithFallback(calls, options.FileName, ref flags);
        try
        {
            if (options.NeedsDirect && !request.Has(OpenFlags.CacheDirect))
            {
                throw BlockException.Invalid(
                    "aio=native was specified, but it requires cache.direct=on, which was not specified.");
            }

            CheckType(file.Facts, options.FileName);
            FileSharing sharing = FileSharing.Of(request, flags);
            ImageLock? locks = options.Locking ? new ImageLock(calls, options.FileName) : null;
            locks?.Change(file.Fd, sharing.Used, sharing.Shared);
            var effective = new OptionSet { ["driver"] = Name, ["filename"] = options.FileName };
            return new FileStorage(this, calls, file, locks, sharing)
            {
                OpenedFlags = flags,
                FileName = options.FileName,
                ExactFileName = options.FileName,
                EffectiveOptions = effective,
                UsesRing = options.UsesRing,
            };
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    private OpenFile OpenWithFallback(SystemCalls calls, string fileName, ref OpenFlags flags)
    {
        OpenMode mode = FileStorage.ModeOf(flags) | ExtraMode;
        try
        {
            return OpenFile.Open(calls, fileName, fileName, mode);
        }
        catch (BlockException e) when (MayFallBack(flags, e.Errno))
        {
            flags &= ~OpenFlags.ReadWrite;
            return OpenFile.Open(calls, fileName, fileName, mode & ~OpenMode.ReadWrite);
        }
    }

    private static bool MayFallBack(OpenFlags flags, int errno) =>
        (flags & OpenFlags.ReadWrite) != 0 && (flags & OpenFlags.AutoReadOnly) != 0 &&
        errno is Errno.AccessDenied or Errno.ReadOnlyFileSystem or Errno.OperationNotPermitted;
}
