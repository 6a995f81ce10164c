using Byre.Block.Buffers;
using Byre.Block.Errors;
using Byre.Block.Graph;
using Byre.Block.Requests;

namespace Byre.Block.Filters.Quorum;

/// <summary>
/// An open quorum. Reads return what at least the threshold of children agree on; writes succeed where at least that
/// many children took them. Threading as <see cref="BlockNode"/>. Owns the children.
/// </summary>
internal sealed class QuorumNode(QuorumDriver driver, List<BlockChild> children, QuorumOptions options) : BlockNode
{
    /// <summary>Reads are compared in pieces of this size.</summary>
    private const int MaxVoteBytes = 1 << 20;

    public override BlockDriver Driver => driver;

    public override IReadOnlyList<BlockChild> Children => children;

    public override long LengthBytes => children[0].Node.LengthBytes;

    public override bool HasZeroInitialisation => children.TrueForAll(child => child.Node.HasZeroInitialisation);

    public override bool WantsEvents => children.Exists(child => child.Node.WantsEvents);

    public override BlockLimits Limits { get; } = new()
    {
        MaxTransferBytes = MaxVoteBytes,
        RequestAlignmentBytes = children.Max(child => child.Node.Limits.RequestAlignmentBytes),
    };

    public override string DirectoryName() =>
        throw BlockException.NotSupported("Cannot generate a base directory for quorum nodes");

    public override async ValueTask DisposeAsync()
    {
        BlockException? first = null;
        foreach (BlockChild child in children)
        {
            try
            {
                await child.Node.DisposeAsync().ConfigureAwait(false);
            }
            catch (BlockException failure)
            {
                first ??= failure;
            }
        }

        if (first is not null)
            throw first;
    }

    protected internal override string? DescribeFileName(OptionSet options) => "";

    protected internal override ValueTask ReadCoreAsync(
        long offset, IoVector destination, CancellationToken cancellation) =>
        options.ReadsFirst
            ? ReadFirstAsync(offset, destination, cancellation)
            : ReadVotedAsync(offset, destination, cancellation);

    protected internal override ValueTask WriteCoreAsync(
        long offset, IoVector source, RequestFlags flags, CancellationToken cancellation) =>
        OnAllAsync(child => child.WriteAsync(offset, source, flags, cancellation));

    protected internal override ValueTask WriteZeroesCoreAsync(
        ByteRange range, RequestFlags flags, CancellationToken cancellation) =>
        OnAllAsync(child => child.WriteZeroesAsync(range, flags, cancellation));

    protected internal override ValueTask FlushCoreAsync(CancellationToken cancellation) =>
        OnAllAsync(child => child.FlushAsync(cancellation));

    protected internal override async ValueTask<BlockExtent> GetStatusCoreAsync(
        ByteRange range, CancellationToken cancellation)
    {
        // Zero only where all agree, and as far as they do; data as far as anyone says.
        long zeroes = range.Length;
        long data = 0;
        foreach (BlockChild child in children)
        {
            ChainExtent status = await BackingChain
                .GetStatusAboveAsync(child.Node, null, range, cancellation)
                .ConfigureAwait(false);
            if (status.Extent.Has(BlockStatus.Zero))
                zeroes = Math.Min(zeroes, status.Extent.Length);
            else
                data = Math.Max(data, Math.Max(status.Extent.Length, 1));
        }

        return new BlockExtent
        {
            Range = new ByteRange(range.Offset, data > 0 ? data : zeroes),
            Status = BlockStatus.Allocated | (data > 0 ? BlockStatus.Data : BlockStatus.Zero),
        };
    }

    private async ValueTask ReadFirstAsync(long offset, IoVector destination, CancellationToken cancellation)
    {
        for (int i = 0; ; i++)
        {
            try
            {
                await children[i].Node.ReadAsync(offset, destination, cancellation).ConfigureAwait(false);
                return;
            }
            catch (BlockException) when (i < children.Count - 1)
            {
                // The next child is asked: that is what the pattern is for.
            }
        }
    }

    private async ValueTask ReadVotedAsync(long offset, IoVector destination, CancellationToken cancellation)
    {
        var copies = new IoBuffer?[children.Count];
        try
        {
            await OnAllAsync(async index =>
            {
                IoBuffer copy = IoBufferPool.Shared.Rent((int)destination.Length);
                copies[index] = copy;
                try
                {
                    await children[index].Node.ReadAsync(offset, copy.Memory, cancellation).ConfigureAwait(false);
                }
                catch
                {
                    copies[index] = null;
                    copy.Return();
                    throw;
                }
            }).ConfigureAwait(false);
            IoBuffer winner = Vote(copies);
            if (options.RewritesCorrupted)
                await RewriteAsync(offset, copies, winner, cancellation).ConfigureAwait(false);
            destination.CopyFrom(winner.Span);
        }
        finally
        {
            foreach (IoBuffer? copy in copies)
                copy?.Return();
        }
    }

    /// <summary>The version that most copies hold; an error where these are fewer than the threshold.</summary>
    private IoBuffer Vote(IoBuffer?[] copies)
    {
        IoBuffer? winner = null;
        int most = 0;
        foreach (IoBuffer? candidate in copies)
        {
            if (candidate is null)
                continue;
            int votes = copies.Count(copy => copy is not null && copy.Span.SequenceEqual(candidate.Span));
            if (votes > most)
                (winner, most) = (candidate, votes);
        }

        return winner is not null && most >= options.Threshold
            ? winner : throw BlockException.FromErrno(Errno.InputOutput);
    }

    private async ValueTask RewriteAsync(
        long offset, IoBuffer?[] copies, IoBuffer winner, CancellationToken cancellation)
    {
        for (int i = 0; i < copies.Length; i++)
        {
            if (copies[i] is not { } copy || copy.Span.SequenceEqual(winner.Span) || children[i].Node.IsReadOnly)
                continue;
            try
            {
                await children[i].Node.WriteAsync(offset, winner.Memory, cancellation: cancellation)
                    .ConfigureAwait(false);
            }
            catch (BlockException)
            {
                // The read has its answer; the child stays outvoted and is tried again by the next read.
            }
        }
    }

    private ValueTask OnAllAsync(Func<BlockNode, ValueTask> request) =>
        OnAllAsync(index => request(children[index].Node));

    /// <summary>Sends a request to all children together; fails where fewer than the threshold succeed.</summary>
    private async ValueTask OnAllAsync(Func<int, ValueTask> request)
    {
        var pending = new Task[children.Count];
        for (int i = 0; i < pending.Length; i++)
            pending[i] = StartAsync(request, i);
        int succeeded = 0;
        BlockException? first = null;
        foreach (Task task in pending)
        {
            try
            {
                await task.ConfigureAwait(false);
                succeeded++;
            }
            catch (BlockException failure)
            {
                first ??= failure;
            }
        }

        if (succeeded < options.Threshold)
            throw first!;
    }

    private static async Task StartAsync(Func<int, ValueTask> request, int index) =>
        await request(index).ConfigureAwait(false);
}
