using Byre.Block.Errors;
using Byre.Block.Graph;

namespace Byre.Block.Tests.Support;

/// <summary>A "file" protocol over a table of byte arrays.</summary>
internal sealed class MemoryFiles : BlockDriver
{
    public Dictionary<string, MemoryFile> Files { get; } = new(StringComparer.Ordinal);

    public int OpenCount { get; set; }

    public override string Name => "file";

    public override bool IsProtocol => true;

    public override string? FileNamePrefix => "file";

    public MemoryFile Add(string name, params byte[] content)
    {
        var file = new MemoryFile { Content = content };
        Files[name] = file;
        return file;
    }

    public override ValueTask<BlockNode> OpenAsync(OpenRequest request, CancellationToken cancellation)
    {
        string name = request.Options.Take("filename")
            ?? throw BlockException.Invalid("The 'file' block driver requires a file name");
        if (!Files.TryGetValue(name, out MemoryFile? file))
            throw BlockException.FromErrno($"Could not open '{name}'", Errno.NoEntry);
        OpenCount++;
        return new ValueTask<BlockNode>(new MemoryNode(this, file));
    }

    public override ValueTask CreateAsync(CreateRequest request, CancellationToken cancellation)
    {
        Add(FileNames.StripProtocol(request.FileName, "file"), new byte[request.Options.TakeSize("size") ?? 0]);
        return default;
    }
}
