using Byre.Block.Requests;

namespace Byre.Block.Tests.Requests;

public class RequestRangesTests
{
    private const int BlockBytes = 16;

    private readonly RequestRanges _ranges = new();

    [Fact]
    public void Shared_leases_overlap_and_exclusive_ones_wait()
    {
        Task<RequestLease> first = Enter(0, 16, exclusive: false);
        Task<RequestLease> second = Enter(8, 16, exclusive: false);
        Task<RequestLease> third = Enter(12, 1);
        Task<RequestLease> apart = Enter(32, 1);

        Assert.True(first.IsCompleted && second.IsCompleted && apart.IsCompleted);
        Assert.False(third.IsCompleted);
    }

    [Fact]
    public async Task Nobody_overtakes_a_waiter_that_has_the_same_bytes()
    {
        RequestLease first = await Enter(0, 16, exclusive: false);
        Task<RequestLease> waiting = Enter(3, 4);
        Task<RequestLease> late = Enter(0, 16, exclusive: false);
        Assert.False(waiting.IsCompleted || late.IsCompleted);

        first.Dispose();
        RequestLease exclusive = await waiting;
        Assert.False(late.IsCompleted);

        exclusive.Dispose();
        (await late).Dispose();
    }

    [Fact]
    public async Task A_request_goes_ahead_of_a_waiting_one_with_which_it_only_shares_a_block()
    {
        RequestLease running = await Enter(0, 2);
        Task<RequestLease> waiting = Enter(8, 16);
        Task<RequestLease> ahead = Enter(28, 2);

        Assert.False(waiting.IsCompleted);
        Assert.True(ahead.IsCompleted);

        running.Dispose();
        Assert.False(waiting.IsCompleted);
        (await ahead).Dispose();
        (await waiting).Dispose();
    }

    [Fact]
    public async Task A_waiting_request_is_overtaken_so_often_and_no_more()
    {
        RequestLease running = await Enter(0, 2);
        Task<RequestLease> waiting = Enter(8, 16);
        for (int i = 0; i < RequestRanges.MaxOvertakes; i++)
            (await Enter(28, 2)).Dispose();

        Task<RequestLease> late = Enter(28, 2);
        Assert.False(late.IsCompleted);

        running.Dispose();
        (await waiting).Dispose();
        (await late).Dispose();
    }

    [Fact]
    public async Task A_chain_of_waiting_requests_is_served_in_its_order()
    {
        RequestLease running = await Enter(0, 2);
        Task<RequestLease>[] waiting = [.. Enumerable.Range(1, 4).Select(i => Enter(2 * i, 2))];
        foreach (Task<RequestLease> next in waiting)
        {
            Assert.False(next.IsCompleted);
            running.Dispose();
            running = await next;
        }

        running.Dispose();
    }

    [Fact]
    public async Task Random_requests_never_share_what_is_exclusive_and_all_are_served()
    {
        const int BlockCount = 6;
        const int Requests = 400;
        int[] exclusive = new int[BlockCount];
        int[] shared = new int[BlockCount];
        var random = new Random(17);
        (int From, int Length, bool IsExclusive)[] plan = [.. Enumerable.Range(0, Requests).Select(_ =>
        {
            int from = random.Next(BlockCount * BlockBytes);
            return (from, random.Next(1, (BlockCount * BlockBytes) - from + 1), random.Next(2) == 0);
        })];
        await Task.WhenAll(plan.Select(async request =>
        {
            using RequestLease lease = await Enter(request.From, request.Length, request.IsExclusive);
            int[] mine = request.IsExclusive ? exclusive : shared;
            for (int pass = 0; pass < 2; pass++)
            {
                for (int i = request.From / BlockBytes; i * BlockBytes < request.From + request.Length; i++)
                {
                    Interlocked.Add(ref mine[i], pass == 0 ? 1 : -1);
                    int others = Volatile.Read(ref exclusive[i]) - (request.IsExclusive && pass == 0 ? 1 : 0);
                    Assert.Equal(0, others);
                    Assert.True(!request.IsExclusive || Volatile.Read(ref shared[i]) == 0);
                }

                await Task.Yield();
            }
        })).WaitAsync(TimeSpan.FromSeconds(30));
    }

    private Task<RequestLease> Enter(int from, int length, bool exclusive = true)
    {
        var bytes = new ByteRange(from, length);
        return _ranges.EnterAsync(bytes, bytes.AlignOutward(BlockBytes), exclusive).AsTask();
    }
}
