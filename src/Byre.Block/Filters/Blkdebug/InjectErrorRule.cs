using Byre.Block.Errors;
using Byre.Block.Requests;

namespace Byre.Block.Filters.Blkdebug;

/// <summary>From the moment on, requests fail.</summary>
internal sealed class InjectErrorRule : BlkdebugRule
{
    /// <summary>The error; 0 shields requests from other rules.</summary>
    public int Error { get; init; } = Errno.InputOutput;

    /// <summary>Only requests that touch this byte; null for all.</summary>
    public long? Offset { get; init; }

    /// <summary>Only the first such request.</summary>
    public bool IsOnce { get; init; }

    /// <summary>Fails before the request returns to its caller, instead of a moment later.</summary>
    public bool IsImmediate { get; init; }

    public BlkdebugIoType Types { get; init; } = BlkdebugIoType.Default;

    /// <param name="range">The request's bytes; null for requests that have none (flush).</param>
    /// <param name="type">What the request does.</param>
    public bool Applies(ByteRange? range, BlkdebugIoType type)
    {
        if ((Types & type) == 0)
            return false;
        return Offset is not { } offset || (range is { } bytes && bytes.Offset <= offset && offset < bytes.End);
    }
}
