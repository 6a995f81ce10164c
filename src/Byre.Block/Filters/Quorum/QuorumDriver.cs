using System.Globalization;
using Byre.Block.Errors;
using Byre.Block.Graph;

namespace Byre.Block.Filters.Quorum;

/// <summary>
/// The driver "quorum": several children with the same content. Options "children.0" ..., "vote-threshold",
/// "blkverify", "rewrite-corrupted", "read-pattern" (quorum or fifo).
/// </summary>
public sealed class QuorumDriver : BlockDriver
{
    private const int MaxChildren = 64;

    /// <inheritdoc/>
    public override string Name => "quorum";

    /// <inheritdoc/>
    public override bool IsFormat => false;

    /// <inheritdoc/>
    public override IReadOnlyList<string> StrongOptions { get; } =
        ["vote-threshold", "blkverify", "rewrite-corrupted", "read-pattern"];

    /// <inheritdoc/>
    public override async ValueTask<BlockNode> OpenAsync(OpenRequest request, CancellationToken cancellation)
    {
        int count = CountChildren(request.Options);
        QuorumOptions options = TakeOptions(request.Options, count);
        var children = new List<BlockChild>();
        try
        {
            for (int i = 0; i < count; i++)
            {
                string name = NameOf(i);
                BlockNode child = (await request.Opener
                    .OpenChildAsync(request, name, ChildRole.Data, null, null, cancellation)
                    .ConfigureAwait(false))!;
                children.Add(new BlockChild(name, ChildRole.Data, child));
            }

            if (children.Exists(child => child.Node.LengthBytes != children[0].Node.LengthBytes))
                throw BlockException.FromErrno("Could not refresh total sector count", Errno.InputOutput);
            return new QuorumNode(this, children, options) { OpenedFlags = request.Flags };
        }
        catch
        {
            foreach (BlockChild child in children)
                await child.Node.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    private static string NameOf(int index) => "children." + index.ToString(CultureInfo.InvariantCulture);

    private static int CountChildren(OptionSet options)
    {
        int count = 0;
        while (options.Contains(NameOf(count)) || options.HasPrefix(NameOf(count) + "."))
            count++;
        if (count == 0)
            throw BlockException.Invalid("Number of provided children must be 1 or more");
        return count <= MaxChildren ? count : throw BlockException.Invalid($"More than {MaxChildren} children");
    }

    private static QuorumOptions TakeOptions(OptionSet options, int children)
    {
        long threshold = options.TakeNumber("vote-threshold") ?? 0;
        if (threshold < 1)
            throw BlockException.Invalid("Parameter 'vote-threshold' expects a value >= 1");
        if (threshold > children)
            throw BlockException.Invalid("threshold may not exceed children count");
        bool fifo = options.Take("read-pattern") switch
        {
            null or "quorum" => false,
            "fifo" => true,
            _ => throw BlockException.Invalid("Please set read-pattern as fifo or quorum"),
        };
        bool verify = options.TakeBool("blkverify") ?? false;
        bool rewrite = options.TakeBool("rewrite-corrupted") ?? false;
        if (!fifo && verify && (children != 2 || threshold != 2))
        {
            throw BlockException.Invalid(
                "blkverify=on can only be set if there are exactly two files and vote-threshold is 2");
        }

        if (!fifo && verify && rewrite)
            throw BlockException.Invalid("rewrite-corrupted=on cannot be used with blkverify=on");
        return new QuorumOptions(
            (int)threshold) { IsVerification = verify, RewritesCorrupted = rewrite, ReadsFirst = fifo };
    }
}
