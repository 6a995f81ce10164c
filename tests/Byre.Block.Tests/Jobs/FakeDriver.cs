using Byre.Block.Graph;

namespace Byre.Block.Tests.Jobs;

/// <summary>The driver of <see cref="FakeNode"/>; opens nothing.</summary>
internal sealed class FakeDriver : BlockDriver
{
    public static FakeDriver Instance { get; } = new();

    public override string Name => "fake";

    public override bool SupportsBacking => true;

    public override ValueTask<BlockNode> OpenAsync(OpenRequest request, CancellationToken cancellation) =>
        throw new NotSupportedException();
}
