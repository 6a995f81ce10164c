using Byre.Block.Errors;
using Byre.Block.Graph;
using Byre.Storage.Files;
using Byre.Storage.Interop;
using Byre.Storage.Portable;

namespace Byre.Storage.Drivers;

/// <summary>
/// The driver "file": regular files of the host. On Linux <see cref="FileStorage"/>, elsewhere
/// <see cref="PortableStorage"/>. Stateless.
/// </summary>
public sealed class FileDriver : HostFileDriver
{
    /// <inheritdoc/>
    public override string Name => "file";

    /// <inheritdoc/>
    public override IReadOnlyList<CreateOption> CreateOptions => FileCreator.Options;

    /// <inheritdoc/>
    public override ValueTask CreateAsync(CreateRequest request, CancellationToken cancellation)
    {
        try
        {
            var arguments = FileCreateArguments.Take(request);
            if (OperatingSystem.IsLinux())
                FileCreator.Create(SystemCalls.Kernel, arguments);
            else
                PortableStorage.Create(arguments.FileName, arguments.SizeBytes, arguments.Preallocation);
            return default;
        }
        catch (BlockException e)
        {
            return ValueTask.FromException(e);
        }
    }

    private protected override BlockNode OpenNode(OpenRequest request, FileNodeOptions options) =>
        OperatingSystem.IsLinux()
            ? base.OpenNode(request, options)
            : PortableStorage.Open(this, options.FileName, request.Flags);

    private protected override void CheckType(in FileFacts facts, string fileName)
    {
        if (!facts.IsRegular)
            throw BlockException.Invalid($"'{Name}' driver requires '{fileName}' to be a regular file");
    }
}
