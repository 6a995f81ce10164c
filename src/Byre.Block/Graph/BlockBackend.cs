using Byre.Block.Buffers;
using Byre.Block.Errors;
using Byre.Block.Requests;

namespace Byre.Block.Graph;

/// <summary>
/// The root handle through which a user (a program, a job, an export) uses a node: checks bounds, refuses writes to
/// read-only nodes, and flushes after each write where the write cache is off (<c>cache=writethrough</c>,
/// <c>directsync</c>). Threading as <see cref="BlockNode"/>. Owns the node.
/// </summary>
public sealed class BlockBackend(BlockNode root, bool writeCache = true) : IAsyncDisposable
{
    /// <summary>The node at the top.</summary>
    public BlockNode Root { get; private set; } = root;

    /// <summary>False: every write is stable when it completes.</summary>
    public bool WriteCache { get; set; } = writeCache;

    public long LengthBytes => Root.LengthBytes;

    /// <summary>Reads; EIO beyond the end.</summary>
    public ValueTask ReadAsync(long offset, IoVector destination, CancellationToken cancellation = default)
    {
        CheckBounds(offset, destination.Length);
        return Root.ReadAsync(offset, destination, cancellation);
    }

    /// <summary>Writes; EIO beyond the end.</summary>
    public ValueTask WriteAsync(
        long offset, IoVector source, RequestFlags flags = RequestFlags.None, CancellationToken cancellation = default)
    {
        CheckBounds(offset, source.Length);
        CheckWritable();
        return Root.WriteAsync(offset, source, Adjust(flags), cancellation);
    }

    /// <summary>Makes a range read as zeroes; EIO beyond the end.</summary>
    public ValueTask WriteZeroesAsync(
        ByteRange range, RequestFlags flags = RequestFlags.None, CancellationToken cancellation = default)
    {
        CheckBounds(range.Offset, range.Length);
        CheckWritable();
        return Root.WriteZeroesAsync(range, Adjust(flags), cancellation);
    }

    /// <summary>Discards a range; EIO beyond the end.</summary>
    public ValueTask DiscardAsync(ByteRange range, CancellationToken cancellation = default)
    {
        CheckBounds(range.Offset, range.Length);
        CheckWritable();
        return Root.DiscardAsync(range, cancellation);
    }

    public ValueTask FlushAsync(CancellationToken cancellation = default) => Root.FlushAsync(cancellation);

    /// <summary>Gives the node up without closing it.</summary>
    public BlockNode Detach()
    {
        BlockNode node = Root;
        Root = null!;
        return node;
    }

    public ValueTask DisposeAsync() => Root is null ? default : Root.DisposeAsync();

    private void CheckBounds(long offset, long length)
    {
        if (offset < 0 || length < 0 || offset > Root.LengthBytes - length)
            throw BlockException.FromErrno(Errno.InputOutput);
    }

    private void CheckWritable()
    {
        if (Root.IsReadOnly)
            throw BlockException.FromErrno(Errno.OperationNotPermitted);
    }

    private RequestFlags Adjust(RequestFlags flags) => WriteCache ? flags : flags | RequestFlags.ForceUnitAccess;
}
