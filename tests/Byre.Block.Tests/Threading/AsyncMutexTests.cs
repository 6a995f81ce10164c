using Byre.Block.Threading;

namespace Byre.Block.Tests.Threading;

public class AsyncMutexTests
{
    [Fact]
    public async Task Waiters_enter_in_their_order()
    {
        var mutex = new AsyncMutex(CompletionScheduler.ThreadPool);
        AsyncMutex.Holder first = await mutex.EnterAsync();
        var order = new List<int>();
        Task[] waiters = Enumerable.Range(0, 10).Select(EnterAsync).ToArray();

        first.Dispose();
        await Task.WhenAll(waiters);

        Assert.Equal(Enumerable.Range(0, 10), order);
        Assert.False(mutex.IsHeld);

        async Task EnterAsync(int number)
        {
            using (await mutex.EnterAsync())
                order.Add(number);
        }
    }

    [Fact]
    public async Task Only_one_is_inside()
    {
        var mutex = new AsyncMutex(CompletionScheduler.ThreadPool);
        int inside = 0;
        int total = 0;
        await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => Task.Run(async () =>
        {
            for (int i = 0; i < 2000; i++)
            {
                using (await mutex.EnterAsync())
                {
                    Assert.Equal(1, ++inside);
                    if (i % 50 == 0)
                        await Task.Yield();
                    total++;
                    inside--;
                }
            }
        })));

        Assert.Equal(16_000, total);
    }
}
