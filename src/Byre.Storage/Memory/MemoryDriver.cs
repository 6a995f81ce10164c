using Byre.Block.Graph;

namespace Byre.Storage.Memory;

/// <summary>The driver of <see cref="MemoryStorage"/>; its only option is "size" in bytes. Stateless.</summary>
public sealed class MemoryDriver : BlockDriver
{
    private MemoryDriver()
    {
    }

    /// <summary>The only instance.</summary>
    public static MemoryDriver Instance { get; } = new();

    /// <inheritdoc/>
    public override string Name => "memory";

    /// <inheritdoc/>
    public override bool IsProtocol => true;

    /// <inheritdoc/>
    public override ValueTask<BlockNode> OpenAsync(OpenRequest request, CancellationToken cancellation) =>
        new(new MemoryStorage(request.Options.TakeSize("size") ?? 0) { OpenedFlags = request.Flags });
}
