using Byre.Block.Errors;
using Byre.Block.Graph;
using Byre.Block.Requests;

namespace Byre.Block.Filters.Blkdebug;

/// <summary>
/// The filter "blkdebug": injects errors, holds requests and pretends limits, as "blkdebug:rules:image" or by options.
/// Rules act on named moments (<see cref="BlockEvent"/>) that the format above reaches.
/// </summary>
public sealed class BlkdebugDriver : BlockDriver
{
    /// <inheritdoc/>
    public override string Name => "blkdebug";

    /// <inheritdoc/>
    public override bool IsProtocol => true;

    /// <inheritdoc/>
    public override bool IsFilter => true;

    /// <inheritdoc/>
    public override string? FileNamePrefix => "blkdebug";

    /// <inheritdoc/>
    public override IReadOnlyList<string> StrongOptions { get; } =
    [
        "config", "inject-error.", "set-state.", "align", "max-transfer", "opt-write-zero", "max-write-zero",
        "opt-discard", "max-discard",
    ];

    /// <inheritdoc/>
    public override void ParseFileName(string fileName, OptionSet options)
    {
        const string Prefix = "blkdebug:";
        if (!fileName.StartsWith(Prefix, StringComparison.Ordinal))
        {
            options["x-image"] = fileName;
            return;
        }

        string rest = fileName[Prefix.Length..];
        int colon = rest.IndexOf(':', StringComparison.Ordinal);
        if (colon < 0)
            throw BlockException.Invalid("blkdebug requires both config file and image path");
        if (colon > 0)
            options["config"] = rest[..colon];
        options["x-image"] = rest[(colon + 1)..];
    }

    /// <inheritdoc/>
    public override async ValueTask<BlockNode> OpenAsync(OpenRequest request, CancellationToken cancellation)
    {
        OptionSet options = request.Options;
        var rules = new BlkdebugRules();
        BlkdebugConfiguration.Read(options.Take("config"), options, rules);
        // Permissions are the affair of emulators that change their graph while it is used.
        options.TakeSubset("take-child-perms.");
        options.TakeSubset("unshare-child-perms.");
        string? imageName = options.Take("x-image");
        BlockNode image = await request.Opener
            .OpenChildAsync(request, "image", ChildRole.Filtered, imageName, null, cancellation)
            .ConfigureAwait(false)
            ?? throw BlockException.Invalid("A block device must be specified for \"image\"");
        try
        {
            BlockLimits limits = BlkdebugLimits.Take(options, image.Limits);
            var node = new BlkdebugNode(this, image, rules, limits) { OpenedFlags = request.Flags };
            await node.ReachAsync(BlockEvent.None, cancellation).ConfigureAwait(false);
            return node;
        }
        catch
        {
            await image.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }
}
