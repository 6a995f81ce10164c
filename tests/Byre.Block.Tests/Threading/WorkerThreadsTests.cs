using Byre.Block.Threading;

namespace Byre.Block.Tests.Threading;

public class WorkerThreadsTests
{
    [Fact]
    public async Task Runs_no_more_than_allowed_at_once_and_all_in_the_end()
    {
        var workers = new WorkerThreads(2);
        int running = 0;
        int most = 0;
        Task<int>[] all = Enumerable.Range(0, 200).Select(i => workers.RunAsync(i, Work).AsTask()).ToArray();

        int[] results = await Task.WhenAll(all);

        Assert.Equal(Enumerable.Range(1, 200), results);
        Assert.InRange(most, 1, 2);

        int Work(int number)
        {
            int now = Interlocked.Increment(ref running);
            most = Math.Max(most, now);
            Thread.SpinWait(1000);
            Interlocked.Decrement(ref running);
            return number + 1;
        }
    }

    [Fact]
    public async Task A_failure_is_the_callers()
    {
        var workers = new WorkerThreads(1);
        await Assert.ThrowsAsync<FormatException>(
            async () => await workers.RunAsync<int, int>(0, _ => throw new FormatException()));
        Assert.Equal(7, await workers.RunAsync(0, _ => 7));
    }
}
