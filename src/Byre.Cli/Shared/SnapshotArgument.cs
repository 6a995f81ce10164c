using Byre.Block.Errors;
using Byre.Block.Graph;

namespace Byre.Cli.Shared;

/// <summary>
/// The argument of <c>-l</c>: "snapshot.id=ID,snapshot.name=NAME", or a text that is either. Immutable.
/// </summary>
internal sealed class SnapshotArgument
{
    private readonly string? _idOrName;
    private readonly OptionSet? _options;

    private SnapshotArgument(string? idOrName, OptionSet? options)
    {
        _idOrName = idOrName;
        _options = options;
    }

    /// <summary>True for a text that is either.</summary>
    public bool IsIdOrName => _options is null;

    /// <param name="argument">What was given.</param>
    /// <param name="complaint">What is told besides where it makes no sense.</param>
    /// <exception cref="BlockException">It begins as options and is none.</exception>
    public static SnapshotArgument Parse(string argument, string complaint)
    {
        if (!argument.StartsWith("snapshot.", StringComparison.Ordinal))
            return new SnapshotArgument(argument, null);
        OptionSet options = OptionText.Parse(argument);
        if (options.Keys.FirstOrDefault(key => key is not ("snapshot.id" or "snapshot.name")) is { } unknown)
        {
            throw new BlockException(
                BlockErrorKind.InvalidArgument, Errno.Invalid, $"Invalid parameter '{unknown}'")
            {
                Hint = complaint + "\n",
            };
        }

        return new SnapshotArgument(null, options);
    }

    /// <summary>Makes <paramref name="image"/> show the snapshot.</summary>
    /// <exception cref="BlockException">"Failed to load snapshot: ...".</exception>
    public async ValueTask LoadAsync(BlockNode image)
    {
        try
        {
            ISnapshotSource source = image as ISnapshotSource
                ?? throw BlockException.NotSupported(
                    $"Block format '{image.Driver.Name}' used by device '' "
                    + "does not support temporarily loading internal snapshots");
            bool found = _options is not null
                ? await source.LoadSnapshotAsync(_options.Get("snapshot.id"), _options.Get("snapshot.name"))
                    .ConfigureAwait(false)
                : await source.LoadSnapshotAsync(_idOrName, null).ConfigureAwait(false)
                    || await source.LoadSnapshotAsync(null, _idOrName).ConfigureAwait(false);
            if (!found)
                throw new BlockException(BlockErrorKind.NotFound, Errno.NoEntry, "Can't find snapshot");
        }
        catch (BlockException failure)
        {
            throw failure.Prepend("Failed to load snapshot: ");
        }
    }
}
