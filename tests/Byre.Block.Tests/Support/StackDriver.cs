using System.Text;
using Byre.Block.Filters;
using Byre.Block.Graph;

namespace Byre.Block.Tests.Support;

/// <summary>
/// A format for tests: the file "STACK:name:format" has the backing file "name". Shows the file's bytes.
/// </summary>
internal sealed class StackDriver : BlockDriver
{
    public override string Name => "stack";

    public override bool SupportsBacking => true;

    public override IReadOnlyList<string> StrongOptions { get; } = ["key"];

    public override int Probe(ReadOnlySpan<byte> header, string fileName) => header.StartsWith("STACK"u8) ? 100 : 0;

    public override async ValueTask<BlockNode> OpenAsync(OpenRequest request, CancellationToken cancellation)
    {
        BlockNode file = (await request.Opener.OpenChildAsync(
            request, "file", ChildRole.Data | ChildRole.Metadata, null, null, cancellation))!;
        request.Options.Take("key");
        byte[] content = new byte[file.LengthBytes];
        await file.ReadAsync(0, content, cancellation);
        string[] parts = Encoding.UTF8.GetString(content).Split('|');
        try
        {
            BlockNode? backing = await request.Opener.OpenChildAsync(
                request, "backing", ChildRole.Backing, parts.ElementAtOrDefault(1), parts.ElementAtOrDefault(2),
                cancellation);
            return new StackNode(this, file, backing) { OpenedFlags = request.Flags };
        }
        catch
        {
            await file.DisposeAsync();
            throw;
        }
    }

    private sealed class StackNode(BlockDriver driver, BlockNode file, BlockNode? backing) : FilterNode(driver, file)
    {
        public override BlockNode? Backing => backing;

        public override IReadOnlyList<BlockChild> Children => backing is null
            ? base.Children
            : [.. base.Children, new BlockChild("backing", ChildRole.Backing, backing)];

        public override async ValueTask DisposeAsync()
        {
            await base.DisposeAsync();
            if (backing is not null)
                await backing.DisposeAsync();
        }
    }
}
