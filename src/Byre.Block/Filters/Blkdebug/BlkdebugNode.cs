using Byre.Block.Buffers;
using Byre.Block.Errors;
using Byre.Block.Graph;
using Byre.Block.Requests;

namespace Byre.Block.Filters.Blkdebug;

/// <summary>An open blkdebug filter: each request asks the rules first. Threading as <see cref="BlockNode"/>.</summary>
internal sealed partial class BlkdebugNode(
    BlkdebugDriver driver, BlockNode image, BlkdebugRules rules, BlockLimits limits)
    : FilterNode(driver, image, "image")
{
    private readonly Lock _lock = new();
    private long _writes;
    private long _flushedWrites;

    public override BlockLimits Limits => limits;

    public override bool WantsEvents => true;

    /// <summary>Unknown, as the peer says of all that is opened like a protocol without being one.</summary>
    public override ValueTask<long?> GetAllocatedBytesAsync(CancellationToken cancellation = default) =>
        new((long?)null);

    public override ValueTask ReachAsync(BlockEvent moment, CancellationToken cancellation = default)
    {
        List<Suspension>? held = null;
        lock (_lock)
        {
            foreach (BreakpointRule breakpoint in rules.Reach(moment))
                (held ??= []).Add(Suspend(breakpoint.Tag));
        }

        return held is null ? default : WaitAsync(held);
    }

    protected internal override string? DescribeFileName(OptionSet options)
    {
        bool hasRules = Driver.StrongOptions.Any(
            strong => strong != "config" &&
                (strong.EndsWith('.') ? options.HasPrefix(strong) : options.Contains(strong)));
        return hasRules || Child.ExactFileName.Length == 0
            ? ""
            : $"blkdebug:{options.Get("config")}:{Child.ExactFileName}";
    }

    protected internal override ValueTask ReadCoreAsync(
        long offset, IoVector destination, CancellationToken cancellation)
    {
        ValueTask? failure = Check(new ByteRange(offset, destination.Length), BlkdebugIoType.Read);
        return failure ?? Child.ReadAsync(offset, destination, cancellation);
    }

    protected internal override ValueTask WriteCoreAsync(
        long offset, IoVector source, RequestFlags flags, CancellationToken cancellation)
    {
        NoteWrite();
        ValueTask? failure = Check(new ByteRange(offset, source.Length), BlkdebugIoType.Write);
        return failure ?? Child.WriteAsync(offset, source, flags, cancellation);
    }

    protected internal override ValueTask WriteZeroesCoreAsync(
        ByteRange range, RequestFlags flags, CancellationToken cancellation)
    {
        // Small ones are refused, so that whoever is tested shows how it falls back to writes.
        if (range.Length < Math.Max(limits.RequestAlignmentBytes, limits.WriteZeroesAlignmentBytes))
            return ValueTask.FromException(BlockException.FromErrno(Errno.NotSupported));
        NoteWrite();
        return Check(range, BlkdebugIoType.WriteZeroes) ?? Child.WriteZeroesAsync(range, flags, cancellation);
    }

    protected internal override ValueTask DiscardCoreAsync(ByteRange range, CancellationToken cancellation)
    {
        NoteWrite();
        return Check(range, BlkdebugIoType.Discard) ?? Child.DiscardAsync(range, cancellation);
    }

    protected internal override ValueTask FlushCoreAsync(CancellationToken cancellation)
    {
        // As in the peer, a flush with nothing written since the last one does not get here, and so cannot fail.
        long writes = Interlocked.Read(ref _writes);
        bool isNeeded = writes != Interlocked.Read(ref _flushedWrites) && (OpenedFlags & OpenFlags.CacheNoFlush) == 0;
        if (isNeeded && Check(null, BlkdebugIoType.Flush) is { } failure)
            return failure;
        return FlushChildAsync(writes, cancellation);
    }

    protected internal override ValueTask<BlockExtent> GetStatusCoreAsync(
        ByteRange range, CancellationToken cancellation)
    {
        return Check(range, BlkdebugIoType.BlockStatus) is { } failure
            ? FailedStatusAsync(failure)
            : base.GetStatusCoreAsync(range, cancellation);
    }

    private static async ValueTask<BlockExtent> FailedStatusAsync(ValueTask failure)
    {
        await failure.ConfigureAwait(false);
        return default;
    }

    private static async ValueTask FailLaterAsync(int errno)
    {
        await Task.Yield();
        throw BlockException.FromErrno(errno);
    }

    private async ValueTask FlushChildAsync(long writes, CancellationToken cancellation)
    {
        await Child.FlushAsync(cancellation).ConfigureAwait(false);
        Interlocked.Exchange(ref _flushedWrites, writes);
    }

    private void NoteWrite() => Interlocked.Increment(ref _writes);

    private ValueTask? Check(ByteRange? range, BlkdebugIoType type)
    {
        InjectErrorRule? rule;
        lock (_lock)
            rule = rules.Check(range, type);
        if (rule is null)
            return null;
        return rule.IsImmediate
            ? ValueTask.FromException(BlockException.FromErrno(rule.Error))
            : FailLaterAsync(rule.Error);
    }
}
