using Byre.Block.Requests;

namespace Byre.Block.Tests.Requests;

public class RequestRangesTests
{
    private readonly RequestRanges _ranges = new();

    [Fact]
    public void Shared_leases_overlap_and_exclusive_ones_wait()
    {
        ValueTask<RequestLease> first = _ranges.EnterAsync(new ByteRange(0, 10), exclusive: false);
        ValueTask<RequestLease> second = _ranges.EnterAsync(new ByteRange(5, 10), exclusive: false);
        ValueTask<RequestLease> third = _ranges.EnterAsync(new ByteRange(9, 1), exclusive: true);
        ValueTask<RequestLease> apart = _ranges.EnterAsync(new ByteRange(15, 1), exclusive: true);

        Assert.True(first.IsCompleted && second.IsCompleted && apart.IsCompleted);
        Assert.False(third.IsCompleted);
    }

    [Fact]
    public async Task Nobody_overtakes_a_waiter_it_conflicts_with()
    {
        RequestLease first = await _ranges.EnterAsync(new ByteRange(0, 10), exclusive: false);
        Task<RequestLease> waiting = _ranges.EnterAsync(new ByteRange(0, 10), exclusive: true).AsTask();
        Task<RequestLease> late = _ranges.EnterAsync(new ByteRange(0, 10), exclusive: false).AsTask();
        Assert.False(waiting.IsCompleted || late.IsCompleted);

        first.Dispose();
        RequestLease exclusive = await waiting;
        Assert.False(late.IsCompleted);

        exclusive.Dispose();
        (await late).Dispose();
    }
}
